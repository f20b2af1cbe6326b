"""Data sets and formats of particular benchmarks."""
