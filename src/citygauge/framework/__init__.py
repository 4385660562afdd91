"""What is measured: the index tree, its readers and writers, its checks, and the built-in frameworks."""
