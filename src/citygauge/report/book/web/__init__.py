"""The parts of a report's web page."""
