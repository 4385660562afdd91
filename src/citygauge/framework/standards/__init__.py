"""Published standards as data: themes and codes, and what a framework says of its counterparts there."""
