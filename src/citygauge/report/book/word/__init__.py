"""The parts of a Word file: its text as XML, its styles, numbers and labels, and what surrounds it."""
