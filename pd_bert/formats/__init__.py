"""Formats of checkpoints: pd_bert's own and those of other libraries."""
