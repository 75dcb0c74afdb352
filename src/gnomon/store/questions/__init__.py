"""From what a person asks to the rows that answer it, and the forms in which they are wanted."""
