"""Training: runtime, optimiser, compiled step, loop and checkpoints."""
