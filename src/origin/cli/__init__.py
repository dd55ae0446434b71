"""The command ``origin``: each command reads its arguments, asks the library, and hands the answer
to one output object.
"""
