"""Export: models for servers."""
