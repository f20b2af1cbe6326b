"""Models: encoders, heads and the model that joins them."""
