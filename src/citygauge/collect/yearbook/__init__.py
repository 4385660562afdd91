"""Facts out of statistical yearbooks: tables as they are printed, read without a line of code."""
