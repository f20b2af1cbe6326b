"""Estimates of time, memory and disk."""
