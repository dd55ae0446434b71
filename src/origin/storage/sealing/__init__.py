"""Sealed segments: moving observations into Parquet files, merging these, reading them back."""
