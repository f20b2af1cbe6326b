"""Sources of text: one file per kind."""
