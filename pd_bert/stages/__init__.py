"""Stages: one file each; they read artifacts and leave one artifact."""
