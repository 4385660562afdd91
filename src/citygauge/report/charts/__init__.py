"""Charts: one Altair specification each, for page, PDF, Word and slides alike."""
