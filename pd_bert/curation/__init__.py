"""Cleaning of transfer sets and reports on them."""
