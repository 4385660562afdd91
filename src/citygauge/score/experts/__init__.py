"""Weights from a panel of experts: pairwise comparisons, best and worst, budgets and swings."""
