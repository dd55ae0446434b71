"""What recording costs, beside a baseline of the same run; see README.md in this folder."""
