"""Changes of the schema, which Alembic runs when a server opens an older database."""
