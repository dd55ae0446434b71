"""Proof: signed heads of a record, and small files that prove something of it."""
