"""Messages: one file a use-case family, one frozen record an information object."""

from functools import cache
from importlib import import_module

from environment.messages.base import Columns, Record
from environment.messages.digest import digest_rows

__all__ = ["Columns", "Record", "digest_rows", "records", "sources"]

FAMILIES = ("aggregation", "procurement", "activation", "settlement", "homes", "homes_operation")


@cache
def records() -> dict[str, type[Record]]:
    """Every record class by its name."""
    for family in FAMILIES:
        import_module(f"environment.messages.{family}")
    return {record.__name__: record for record in sorted(Record.__subclasses__(), key=lambda one: one.__name__)}


def sources() -> dict[str, tuple[tuple[str, str], ...]]:
    """For every record the information objects that it carries: (use case, information id)."""
    return {name: record.source for name, record in records().items()}
