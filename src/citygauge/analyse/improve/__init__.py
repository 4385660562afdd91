"""A city's way up: the least effort that reaches a grade or a rank, checked by a new run."""
