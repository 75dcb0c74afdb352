"""Where marks, metrics and repository meet: rules that turn metrics into flags, graphs without bad data."""
