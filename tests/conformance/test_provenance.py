"""Provenance law C11: a number that a step carries equals the table it came from."""

import duckdb
import pyarrow as pa
import pytest

from experiments.conformance.provenance import Equality, Side, check_provenance, equalities, fault

STEP = 900_000
ELSEWHERE = ("SUC01.1", "SUC03.1", "SUC03.2", "SUC05.2", "SUC08.4", "SUC10.4", "SUC13.1")
"""Water heaters have worlds of their own (tests/agents/test_heaters.py), sizing has tables of its own (tests/sizing); the service for households is looked at in its shipped run (tests/laws/test_homes_flex.py), delivery from meter to money in a world of two operators
(tests/agents/test_delivery_day.py), pools in balancing services in a street of homes (tests/agents/test_pools.py)."""


def changed(tables, name, column, row, value):
    """The tables with one value changed."""
    table = tables[name]
    values = table[column].to_pylist()
    values[row] = value
    return {
        **tables,
        name: table.set_column(
            table.column_names.index(column), column, pa.array(values, table.schema.field(column).type)
        ),
    }


@pytest.fixture(scope="module")
def base():
    with duckdb.connect() as connection:
        yield connection


def test_correct_numbers_have_no_fault(market_tables):
    assert check_provenance(market_tables) == {}


def test_every_equality_looks_at_something(market_tables, base):
    """Each of them must be able to fail: emptied on the right, it does."""
    for suc, listed in equalities().items():
        for one in listed:
            if one.left.table == one.right.table or suc in ELSEWHERE:
                continue
            emptied = {**market_tables, one.right.table: market_tables[one.right.table].slice(0, 0)}
            assert fault(one, emptied, base), (suc, one.says)


WRONG = [
    ("needs", "quantity_kw", 1, 31.0, "SUC06.1", "2.3"),
    ("bids", "accepted_kw", 0, 3.0, "SUC06.1", "2.8"),
    ("bids", "quantity_kw", 1, 3.0, "SUC06.1", "2.6"),
    ("activations", "ordered_kw", 0, 3.0, "SUC06.2", "1.2"),
    ("deliveries", "delivered_kw", 1, 19.0, "SUC06.3", "1.3"),
    ("deliveries", "ordered_kw", 1, 19.0, "SUC06.3", "1.4"),
    ("meters", "import_kwh", 0, 9.9, "SUC06.3", "1.1"),
    ("baselines", "power_kw", 0, 31.0, "SUC06.3", "1.2"),
    ("settlements", "net_eur", 0, 1.0, "SUC06.3", "1.6"),
    ("ledger", "eur", 0, 1.0, "SUC06.3", "1.7"),
    ("ledger", "message_id", 0, "77", "SUC06.3", "1.7"),
    ("baselines", "power_kw", 2, 2.0, "SUC02.1", "1.3"),
    ("community_needs", "relief_kw", 0, 41.0, "SUC02.1", "1.4"),
    ("community_flexibility", "offered_kw", 0, 5.0, "SUC02.1", "1.5"),
    ("community_flexibility", "ordered_kw", 0, 2.0, "SUC02.1", "1.6"),
    ("community_flexibility", "delivered_kw", 0, 3.0, "SUC02.1", "1.8"),
    ("meters", "import_kwh", 4, 0.6, "SUC02.1", "1.8"),
    ("meters", "export_kwh", 5, 0.3, "SUC02.1", "1.8"),
    ("content/SmartMeterData", "owned_kwh", 0, [0.0, 0.0], "SUC02.1", "1.9"),
    ("community_prices", "price_eur_per_kwh", 1, 0.2, "SUC02.1", "1.10"),
    ("community_markets", "rounds", 0, 3, "SUC02.1", "2.2"),
    ("community_markets", "converged", 0, False, "SUC02.1", "2.2"),
    ("community_energies", "coefficient", 0, 0.5, "SUC02.1", "1.11"),
    ("community_energies", "supplied_kwh", 0, 0.2, "SUC02.1", "1.12"),
    ("community_settlements", "internal_eur", 0, 0.5, "SUC02.1", "1.13"),
    ("community_settlements", "grid_eur", 0, 0.5, "SUC02.1", "1.14"),
    ("content/CommunityBill", "net_eur", 0, 0.5, "SUC02.1", "1.15"),
    ("ledger", "eur", 1, 0.5, "SUC02.1", "1.15"),
]


@pytest.mark.parametrize(("table", "column", "row", "value", "suc", "step"), WRONG)
def test_number_that_differs_from_its_table_is_a_fault_of_the_step(market_tables, table, column, row, value, suc, step):
    faults = check_provenance(changed(market_tables, table, column, row, value))
    assert step in {one.step for one in faults[suc]}


def test_fault_says_where_and_both_numbers(market_tables):
    wrong = changed(market_tables, "content/EngagementRequest", "engaged_kw", 0, [20.0, 15.5])
    (one,) = check_provenance(wrong)["SUC06.1"]
    assert one.why == (
        "an FSP is engaged for the quantity that the order book accepted: at bid bid-1, t_ms 900000 content/EngagementRequest says 15.5, bids 15; 1 of such rows"
    )


def test_difference_below_the_tolerance_is_none(market_tables):
    assert check_provenance(changed(market_tables, "bids", "accepted_kw", 0, 20.0 + 5e-7)) == {}


def test_table_that_is_missing_is_named(market_tables):
    rest = {name: table for name, table in market_tables.items() if name != "activations"}
    faults = check_provenance(rest, ["SUC06.2"])
    assert faults["SUC06.2"][0].why.endswith("the run has no table activations")


def test_nothing_said_is_no_fault(market_tables):
    rest = {name: table for name, table in market_tables.items() if not name.startswith("content/")}
    assert check_provenance(rest, ["SUC06.2"]) == {}


def test_right_rows_that_nobody_said_count_where_both_sides_are_demanded(market_tables):
    more = pa.concat_tables(
        [market_tables["settlements"], pa.table({"settlement": ["settle-2"], "fsp": ["fsp-sol"], "net_eur": [3.0]})]
    )
    faults = check_provenance({**market_tables, "settlements": more}, ["SUC06.3"])
    assert [(one.step, "says nothing" in one.why) for one in faults["SUC06.3"]] == [("1.6", True)]


def test_unknown_column_is_told(market_tables, base):
    one = Equality("1.1", "x", Side("needs", "no_such", {"k": "need"}), Side("needs", "quantity_kw", {"k": "need"}))
    assert "no_such" in fault(one, market_tables, base)
