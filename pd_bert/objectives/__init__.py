"""Objectives: one loss a file."""
