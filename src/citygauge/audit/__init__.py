"""Whether a published index is arithmetically possible, which figure is wrong, and what it does not print."""
