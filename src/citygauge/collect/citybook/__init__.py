"""The workbooks that travel between the institute and a city: written, filled by the city, read back."""
