"""What was refused makes no step, breaks none, and is the source of no number."""

import pyarrow as pa
import pytest

from environment.messages import digest_rows
from experiments.conformance import check
from experiments.conformance.provenance import check_provenance


def last_row(tables):
    return max(tables["messages"]["row"].to_pylist())


def repeated(table, rows, **changes):
    """A table with copies of some rows at its end, a few columns changed."""
    copies = table.take(pa.array(rows))
    for name, values in changes.items():
        place = copies.column_names.index(name)
        copies = copies.set_column(place, name, pa.array(values, table.schema.field(name).type))
    return pa.concat_tables([table, copies])


def attacked(tables, record, status):
    """The tables with a copy of every message of a record, sent a second later, that ended in ``status``."""
    messages = tables["messages"]
    places = [place for place, name in enumerate(messages["record"].to_pylist()) if name == record]
    rows = list(range(last_row(tables) + 1, last_row(tables) + 1 + len(places)))
    sent = [messages["sent_ms"][place].as_py() + 1000 for place in places]
    came = [messages["delivered_ms"][place].as_py() + 1000 for place in places]
    changed = repeated(messages, places, row=rows, sent_ms=sent, delivered_ms=came, status=[status] * len(places))
    content = tables[f"content/{record}"]
    numbers = dict(zip((messages["row"][place].as_py() for place in places), rows, strict=True))
    mine = [place for place, row in enumerate(content["row"].to_pylist()) if row in numbers]
    more = repeated(content, mine, row=[numbers[content["row"][place].as_py()] for place in mine])
    return {**tables, "messages": changed, f"content/{record}": more}


@pytest.mark.parametrize("record", ["ActivationRequest", "ActivationSignal", "Bid", "EngagementRequest"])
def test_a_refused_repetition_changes_no_verdict(journal_day, record):
    before = check(journal_day, digest_rows=digest_rows).usecases
    after = check(attacked(journal_day, record, "refused"), digest_rows=digest_rows).usecases
    for suc, case in before.items():
        assert after[suc] == case


def test_content_of_refused_messages_is_no_source_of_numbers(market_tables):
    """An order for three times as much that nobody took in does not contradict the register; one that was taken in does."""
    order = market_tables["content/ActivationRequest"].to_pylist()[0]
    sent = market_tables["messages"]
    again = pa.Table.from_pylist([{"row": 99, "message_id": "99", "sender": "dso-1"}], sent.schema)
    messages = pa.concat_tables([sent, again])
    tripled = pa.Table.from_pylist([order, order | {"row": 99, "ordered_kw": [60.0, 45.0]}])
    for status, expected in (("refused", set()), ("acknowledged", {"SUC06.2"})):
        states = pa.array([*["acknowledged"] * (messages.num_rows - 1), status])
        tables = {
            **market_tables, "messages": messages.append_column("status", states), "content/ActivationRequest": tripled,
        }  # fmt: skip
        assert set(check_provenance(tables)) == expected
