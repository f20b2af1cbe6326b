"""Plots: one file each; literal values in, a matplotlib Figure out."""
