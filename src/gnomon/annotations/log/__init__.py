"""The log: events, their clock and their chains, and how they come in and go out."""
