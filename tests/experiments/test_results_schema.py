"""Tables as data/tables.yaml documents them: what fits, what is refused, what null means."""

import numpy as np
import pyarrow as pa
import pytest

from environment.addresses import Address, Directory
from environment.journal import Journal
from experiments.results.digest import digest_tables
from experiments.results.schema import ResultsError, conform, empty_table, table_specs


def test_every_table_is_documented_with_type_unit_and_meaning():
    for spec in table_specs().values():
        assert spec.about.endswith(".")
        assert set(spec.key) <= set(spec.columns)
        for column in spec.columns.values():
            assert column.about
            assert column.unit
            assert not (column.name in spec.key and column.nullable)


def bad(name, **columns):
    good = {"t_ms": [0, 1], "bus": ["a", "a"], "v_pu": [1.0, 1.0]} if name == "grid_buses" else {}
    return {name: good | columns}


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"grid_busses": {}}, ["unknown table 'grid_busses'", "did you mean 'grid_buses'"]),
        (bad("grid_buses", vpu=[1, 1]), ["unknown column 'vpu'", "did you mean 'v_pu'"]),
        ({"grid_buses": {"t_ms": [0], "bus": ["a"]}}, ["column 'v_pu' is missing"]),
        (bad("grid_buses", v_pu=["1", "2"]), ["grid_buses.v_pu", "string", "double"]),
        (bad("grid_buses", v_pu=[True, False]), ["grid_buses.v_pu", "bool"]),
        (bad("grid_buses", v_pu=[1.0, float("inf")]), ["row 1 is inf"]),
        (bad("grid_buses", t_ms=[0.5, 1.0]), ["grid_buses.t_ms"]),
        (bad("grid_buses", t_ms=[0, None]), ["row 1 is null"]),
        (bad("grid_buses", bus=["a", None]), ["row 1 is null"]),
        (bad("grid_buses", bus=[1, 2]), ["grid_buses.bus", "names are wanted"]),
        (bad("grid_buses", t_ms=[0, 1, 2]), ["different length"]),
        (bad("grid_buses", t_ms=[5, 5]), ["two rows have the key", "bus='a'", "t_ms=5"]),
        ({"meters": {"t_ms": [0], "meter": ["m"], "import_kwh": [np.nan], "export_kwh": [0.0]}}, ["row 0 is nan"]),
    ],
)
def test_what_does_not_fit_is_refused_in_words(tables, words):
    with pytest.raises(ResultsError) as caught:
        conform(tables)
    for word in words:
        assert word in str(caught.value)


def test_all_misfits_are_reported_at_once():
    with pytest.raises(ResultsError) as caught:
        conform({"grid_busses": {}, **bad("grid_buses", v_pu=["x", "y"], bus=[None, "a"])}, required=True)
    text = str(caught.value)
    assert all(word in text for word in ("grid_busses", "grid_buses.v_pu", "grid_buses.bus", "'messages' is missing"))


def test_nan_becomes_null_only_where_unknown_is_allowed():
    table = conform(bad("grid_buses", v_pu=[np.nan, 1.0]))["grid_buses"]
    assert table.column("v_pu").to_pylist() == [None, 1.0]
    late = {"t_ms": [0], "bus": np.array(["a"], dtype=object), "v_pu": pa.array([None], pa.float64())}
    assert conform({"grid_buses": late})["grid_buses"].column("v_pu").null_count == 1


def test_an_instant_that_never_came_may_be_given_as_nan(synthetic):
    messages = synthetic.messages()
    messages["delivered_ms"] = np.array([np.nan if v is None else v for v in messages["delivered_ms"]], float)
    column = conform({"messages": messages})["messages"].column("delivered_ms")
    assert column.to_pylist() == synthetic.messages()["delivered_ms"]


def test_what_writers_put_for_unknown_becomes_null():
    messages = Journal(Directory([Address("a", "a", (), "a")])).messages()
    assert conform({"messages": messages, "scada": {}})["messages"].num_rows == 0
    columns = {name: [value] for name, value in {
        "row": 0, "message_id": np.uint64(2**64 - 5), "conversation": "", "record": "Bid", "sender": "a", "receiver": "b", "sent_ms": 1,
        "delivered_ms": -1, "acknowledged_ms": -1, "attempts": 1, "duplicates": 0, "status": "lost", "reason": "",
        "digest": np.uint64(2**63 + 1), "answer_to": np.uint64(0),
    }.items()}  # fmt: skip
    row = conform({"messages": columns})["messages"].to_pylist()[0]
    assert [row[name] for name in ("conversation", "delivered_ms", "acknowledged_ms", "reason", "answer_to")] == [
        None
    ] * 5
    assert (row["message_id"], row["digest"], row["receiver"]) == (2**64 - 5, 2**63 + 1, "b")


@pytest.mark.parametrize("given", [np.array([2**63 + 1], np.uint64), np.array([-(2**63) + 1]), [str(2**63 + 1)]])
def test_ids_of_64_bits_are_ids_however_they_come(given):
    entry = {"entry": [0], "t_ms": [0], "debtor": ["a"], "creditor": ["b"], "eur": [1.0], "purpose": ["x"]}
    column = conform({"ledger": entry | {"message_id": given}})["ledger"].column("message_id")
    assert column.to_pylist() == [2**63 + 1]


def test_what_may_be_left_out_is_null():
    table = conform({"grid_branches": {
        "t_ms": [0], "branch": ["a"], "kind": ["line"], "loading_percent": [1.0], "i_ka": [1.0], "p_kw": [1.0], "q_kvar": [0.0],
    }})["grid_branches"]  # fmt: skip
    assert table.column("loss_kw").to_pylist() == [None]
    homes = {"owner": ["h"], "bus": ["b"], "meter": ["m"], "tariff": ["t"], "fsp": [""], "consent": [True]}
    table = conform({"homes": homes})["homes"]
    assert "automatic" not in table.column_names
    assert table.column("fsp").to_pylist() == table.column("contracted_kw").to_pylist() == [None]


def test_rows_seen_before_are_left_out_only_where_that_is_allowed():
    twice = {"t_ms": [5, 0, 5], "subject": ["T1"] * 3, "value_kw": [1.0, 0.0, 1.0]}
    assert conform({"actuals": twice})["actuals"].column("t_ms").to_pylist() == [0, 5]
    with pytest.raises(ResultsError, match="two rows have the key"):
        conform({"unserved": {"t_ms": [0, 0], "power_kw": [0.0, 0.0]}})


def test_contents_keep_the_forms_of_records():
    columns = {
        "row": np.arange(2), "profile": np.array([[1.0, 2.0], [3.0, np.nan]]), "meters": np.array([("m1", "m2"), ("m3",)], object),
        "none": np.array([(), ()], object), "bits": np.array([2**63, 1], np.uint64), "share": [0.5, np.nan], "on": [True, False], "name": ["", "x"],
    }  # fmt: skip
    table = conform({"content/Some": columns})["content/Some"]
    assert table.column("profile").to_pylist()[0] == [1.0, 2.0]
    assert table.column("meters").to_pylist() == [["m1", "m2"], ["m3"]]
    assert table.column("none").to_pylist() == [[], []]
    assert table.column("bits").to_pylist() == [2**63, 1]
    assert table.column("share").to_pylist() == [0.5, None]
    assert table.column("name").to_pylist() == ["", "x"]
    assert digest_tables({"content/Some": table}) == digest_tables(conform({"content/Some": columns}))
    with pytest.raises(ResultsError, match="cannot be kept"):
        conform({"content/Some": {"row": [0], "what": [b"bytes"]}})


def test_empty_tables_are_tables():
    for name in table_specs():
        if name != "content/*":
            assert conform({name: empty_table(name)})[name].num_rows == 0
