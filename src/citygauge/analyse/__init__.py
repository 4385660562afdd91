"""Questions to a result."""
