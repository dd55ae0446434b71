"""What a run is, for other systems: one file for each format."""

from origin.export.jsonl import JsonlExport, read_jsonl

__all__ = ["JsonlExport", "read_jsonl"]
