"""Alembic's entry: runs migrations on the connection, and inside the transaction, that the caller opened."""

from alembic import context

from nucleus_server.storage import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
