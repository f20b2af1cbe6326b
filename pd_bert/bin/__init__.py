"""The command-line programs."""

import os

# TensorFlow reads this when it is imported: its notes about the machine would bury
# what the programs say. Set it to 0 to see them.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
