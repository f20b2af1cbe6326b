"""Running of recipes: which stage runs when, and their results."""
