"""Alembic's environment: the revisions of one service, on the connection that `runtime.migrations` opened."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
