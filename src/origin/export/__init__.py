"""What a run is, for other systems: one file for each format."""
