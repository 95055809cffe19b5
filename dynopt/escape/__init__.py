"""escape."""
