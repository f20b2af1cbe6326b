"""Tasks: what is learnt on."""
