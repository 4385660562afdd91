"""From facts to one table of units and indicators: denominators, screening, imputation."""
