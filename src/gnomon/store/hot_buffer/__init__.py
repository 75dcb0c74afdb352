"""Single measurements on their way into the tables: written in microseconds, moved on exactly once."""
