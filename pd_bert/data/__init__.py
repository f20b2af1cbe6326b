"""Data: sources of text, TFRecord shards and the input pipeline."""
