"""What Alembic runs: the steps, inside the transaction that `gnomon.annotations.migrations` has begun."""

from alembic import context

__all__: list[str] = []

# Whoever imports this as any other module, such as a search for examples, has no configuration.
if hasattr(context, "config"):
    context.configure(connection=context.config.attributes["connection"], target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()
