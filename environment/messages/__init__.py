"""Messages: one file a use-case family, one frozen record an information object."""

from functools import cache
from importlib import import_module

from environment.messages.base import Columns, Record
from environment.messages.digest import digest_rows

__all__ = ["Columns", "Record", "digest_rows", "records", "sources"]

FAMILIES = (
    "aggregation", "procurement", "activation", "settlement", "homes", "homes_data", "homes_control", "homes_market", "community", "community_settlement", "sizing",
    "retrofit", "thermal_loads", "flexibility_register", "traffic_lights", "delivery", "global_market", "balancing",
)  # fmt: skip


@cache
def records() -> dict[str, type[Record]]:
    """Every record class by its name."""
    for family in FAMILIES:
        import_module(f"environment.messages.{family}")
    return {record.__name__: record for record in sorted(_leaves(Record), key=lambda one: one.__name__)}


def _leaves(record: type[Record]) -> list[type[Record]]:
    """The classes below a record class; those that others extend are no records of their own."""
    return [leaf for below in record.__subclasses__() for leaf in (_leaves(below) or [below])]


def sources() -> dict[str, tuple[tuple[str, str], ...]]:
    """For every record the information objects that it carries: (use case, information id)."""
    return {name: record.source for name, record in records().items()}
