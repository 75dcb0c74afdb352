"""Where everything of a store is: its place, its Delta tables and their columns, and what stands in which."""
