"""Where marks, metrics and the repository meet: rules that turn metrics into flags, and graphs without bad data."""
