"""Results for people: files, charts and pages."""
