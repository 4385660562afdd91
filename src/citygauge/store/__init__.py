"""Writing to a workspace: all of an operation or nothing."""
