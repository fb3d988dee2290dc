"""A guest book: reads and writes entries in PostgreSQL, and serves them as a page and as JSON."""
