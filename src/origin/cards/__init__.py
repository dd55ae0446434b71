"""What a run is, for people: Markdown cards and HTML reports."""
