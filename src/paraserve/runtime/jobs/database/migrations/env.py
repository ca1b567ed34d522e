"""Alembic's entry point: it runs the migrations within the transaction that the store has begun."""

from alembic import context

from paraserve.runtime.jobs.database.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
