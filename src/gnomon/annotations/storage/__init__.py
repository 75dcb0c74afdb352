"""Tables, rows and queries, on SQLite and PostgreSQL. Nothing here decides anything."""
