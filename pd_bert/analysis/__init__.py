"""Analysis: what the artifacts of a run show, for people to read."""
