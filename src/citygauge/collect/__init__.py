"""Facts as received: units, sources, observations, and what becomes of them when they disagree."""
