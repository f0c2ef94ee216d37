"""SQLite in the tree: the connection that writes and the one that reads, each behind its breaker.

The rule: a failing disk passes, and ending the process mends none, so neither is ever DOWN for it.
"""

from supervision import Child
from yabot.stores.database import DatabaseManager


def branch(database: DatabaseManager) -> tuple[Child, ...]:
    """The two children, to be started before all that reads or writes."""

    def writer() -> str:
        seen = database.writer.statistics()
        error = f", last error: {seen.last_error}" if seen.last_error else ""
        counts = f"{seen.items} writes in {seen.batches} commits, {seen.queued} waiting"
        return f"{counts}, breaker {database.writer.breaker.state.value}{error}"

    def reader() -> str:
        return f"breaker {database.reader.breaker.state.value}"

    return (
        Child("sqlite", database.writer_actor, detail=writer, health=database.condition),
        Child("reader", database.reader_actor, detail=reader),
    )
