"""Is every committed byte as it was written? What ``db.check()`` does."""
