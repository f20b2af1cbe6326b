"""Text: vocabulary, WordPiece in the graph, packing and masking."""
