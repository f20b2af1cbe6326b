"""Compact BERT models by pre-trained distillation."""

__version__ = "0.2.0"
