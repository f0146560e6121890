"""What tests of the check do to a written journal."""

from experiments.conformance import check


def only(tables, suc):
    """The report of one use case."""
    return check(tables, usecases=[suc]).usecases[suc]


def last_dropped(scribe, **values):
    """Change the last message written."""
    scribe.messages[-1].update(values)


def drop(scribe, record):
    scribe.messages = [row for row in scribe.messages if row["record"] != record]


def set_all(scribe, record, **values):
    for row in scribe.messages:
        if row["record"] == record:
            row.update(values)
