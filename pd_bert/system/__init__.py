"""Files, locks, signals and memory: what the operating system gives."""
