"""Plots, one per file: from literal values to a matplotlib Figure."""
