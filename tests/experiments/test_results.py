import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import experiments.results as results
from environment.addresses import Address, Directory
from environment.journal import Journal
from experiments.results import check_out, first_difference, open_run, write_run
from experiments.results_digest import digest_tables, first_table_difference, rounded
from experiments.results_schema import ResultsError, conform, empty_table, table_specs


@pytest.fixture
def written(tmp_path, synthetic):
    out = tmp_path / "run"
    digests = write_run(out, synthetic.complete_tables(), synthetic.meta(), synthetic.complete_twin_tables())
    return out, digests


def leftovers(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def test_every_table_is_documented_with_type_unit_and_meaning():
    for spec in table_specs().values():
        assert spec.about.endswith(".")
        assert set(spec.key) <= set(spec.columns)
        for column in spec.columns.values():
            assert column.about
            assert column.unit
            assert not (column.name in spec.key and column.nullable)


def test_a_run_comes_back_as_it_was_written(written, synthetic):
    out, digests = written
    run = open_run(out)
    assert run.meta["digest"] == digests.digest
    assert run.meta["table_digests"] == dict(digests.tables)
    assert run.digests() == digests
    assert run.meta["twin"] is True
    flow = run.table("grid_branches").to_pandas()
    expected = synthetic.physics()["grid_branches"]
    assert flow.loc[flow.branch == "T1", "p_kw"].tolist() == expected["p_kw"][: synthetic.N].tolist()
    assert run.table("content/Bid").column("quantity_kw").to_pylist() == [[12.0] * 8] * 2
    assert set(run.twin_tables) == set(synthetic.complete_twin_tables())
    assert leftovers(out.parent) == ["run"]


def test_duckdb_and_pandas_read_a_run_without_coflex(written):
    out, _ = written
    peak = duckdb.sql(f"select branch, max(loading_percent) m from '{out}/grid_branches.parquet' group by 1 order by 1")
    assert [row[0] for row in peak.fetchall()] == ["L1", "T1"]
    joined = f"select count(*) from '{out}/messages.parquet' join '{out}/content/Bid.parquet' using (row)"
    assert duckdb.sql(joined).fetchall() == [(2,)]
    frame = pd.read_parquet(out / "bids.parquet")
    assert frame.groupby("bid", observed=True).accepted_kw.first().tolist() == [12.0, 8.0, 0.0]


def test_units_and_meanings_are_in_the_files(written):
    out, _ = written
    schema = pq.read_schema(out / "grid_branches.parquet")
    assert schema.field("p_kw").metadata[b"unit"] == b"kW"
    assert b"positive towards to_bus" in schema.field("p_kw").metadata[b"about"]
    assert pq.ParquetFile(out / "grid_branches.parquet").metadata.row_group(0).column(0).compression == "ZSTD"


def test_times_are_local(written):
    run = open_run(written[0])
    assert run.local(0).isoformat() == "2016-01-18T12:00:00+01:00"
    assert run.local(30 * 3_600_000).strftime("%H:%M") == "18:00"


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


def test_results_know_no_agent_market_or_physics():
    code = (
        "import sys, experiments.results, experiments.kpis, experiments.compare, experiments.report;"
        "print(sorted({m.partition('.')[0] for m in sys.modules} & {'agents', 'markets', 'environment', 'pandapower'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_empty_tables_are_tables():
    for name in table_specs():
        if name != "content/*":
            assert conform({name: empty_table(name)})[name].num_rows == 0


@given(seed=st.integers(0, 2**32 - 1))
def test_digest_does_not_see_the_order_of_rows_columns_or_dictionary(seed):
    rng = np.random.default_rng(seed)
    n = 20
    columns = {
        "t_ms": np.arange(n) * 900,
        "owner": [f"home-{i % 3}" for i in range(n)],
        "kind": ["ev"] * n,
        "power_kw": rng.normal(size=n),
        "state": [None if i % 4 == 0 else float(i) for i in range(n)],
    }
    order = rng.permutation(n)
    names = list(columns)
    rng.shuffle(names)
    shuffled = {name: [columns[name][i] for i in order] for name in names}
    dictionary = pa.array(["unused", "home-2", "home-0", "home-1"])
    codes = pa.array([dictionary.to_pylist().index(v) for v in shuffled["owner"]], pa.int8())
    shuffled["owner"] = pa.DictionaryArray.from_arrays(codes, dictionary)
    chunked = pa.table(shuffled)
    chunked = pa.concat_tables([chunked[:7], chunked[7:]])
    first, second = (digest_tables(conform({"devices": c})) for c in (columns, chunked))
    assert first == second


@given(value=st.floats(-1e6, 1e6), change=st.floats(1.1e-6, 1e3) | st.floats(-1e3, -1.1e-6), row=st.integers(0, 9))
def test_digest_sees_every_change_above_its_resolution(value, change, row):
    def digests(number):
        v = [1.0] * 10
        v[row] = number
        return digest_tables(conform({"grid_buses": {"t_ms": range(10), "bus": ["a"] * 10, "v_pu": v}}))

    assert digests(value).digest != digests(value + change).digest


def test_digest_sees_nulls_but_not_the_sign_of_zero_or_noise():
    def digests(v):
        return digest_tables(conform({"grid_buses": {"t_ms": [0], "bus": ["a"], "v_pu": [v]}}))

    zero = digests(0.0)
    assert digests(-0.0).digest == zero.digest
    assert digests(-0.0).exact_digest != zero.exact_digest
    assert digests(1e-9).digest == zero.digest
    assert digests(1e-9).exact_digest != zero.exact_digest
    assert digests(None).digest != zero.digest


def test_text_columns_cannot_flow_into_each_other():
    def digest(a, b):
        return digest_tables(conform({"conversations": row | {"subject": [a, b], "conversation": ["1", "2"]}})).digest

    row = {name: ["x", "x"] for name in ("suc", "scenario", "parent", "opener", "outcome", "reason")}
    row |= {"opened_ms": [0, 0], "ended_ms": [1, 1]}
    assert digest("ab", "c") != digest("a", "bc")


def test_huge_numbers_keep_their_bits():
    assert rounded(np.array([1e15]))[0] != rounded(np.array([np.nextafter(1e15, 2e15)]))[0]
    assert rounded(np.array([2e-6]))[0] == 2


def test_first_difference_names_table_row_column_and_values(tmp_path, synthetic):
    runs = []
    for name, delta in (("a", 0.0), ("b", 3e-6)):
        tables = synthetic.complete_tables()
        tables["meters"]["import_kwh"] = np.array(tables["meters"]["import_kwh"])
        tables["meters"]["import_kwh"][200] += delta
        write_run(tmp_path / name, tables, synthetic.meta())
        runs.append(open_run(tmp_path / name))
    found = first_difference(*runs)
    assert (found.table, found.row, found.column) == ("meters", 200, "import_kwh")
    assert found.second - found.first == pytest.approx(3e-6)
    assert "table meters, row 200, column import_kwh" in str(found)
    assert first_difference(runs[0], runs[0]) is None


def test_first_difference_names_what_is_absent_or_longer(tmp_path, synthetic):
    tables = synthetic.complete_tables()
    write_run(tmp_path / "a", tables, synthetic.meta())
    fewer = tables | {"unserved": {k: v[:-1] for k, v in tables["unserved"].items()}}
    write_run(tmp_path / "b", fewer, synthetic.meta())
    write_run(tmp_path / "c", {k: v for k, v in tables.items() if k != "acts"}, synthetic.meta())
    a, b, c = (open_run(tmp_path / name) for name in "abc")
    assert str(first_difference(a, b)) == "table unserved, row 191: '192 rows' against '191 rows'"
    assert str(first_difference(a, c)) == "table acts: 'present' against 'absent'"


def test_first_difference_in_lists_and_text(tmp_path, synthetic):
    tables = synthetic.complete_tables()
    write_run(tmp_path / "a", tables, synthetic.meta())
    tables["content/Bid"] = tables["content/Bid"] | {"quantity_kw": [[12.0] * 8, [12.0] * 7 + [11.0]]}
    write_run(tmp_path / "b", tables, synthetic.meta())
    found = first_difference(open_run(tmp_path / "a"), open_run(tmp_path / "b"))
    assert (found.table, found.row, found.column) == ("content/Bid", 1, "quantity_kw")


@pytest.mark.parametrize(
    ("table", "column", "changed", "row", "words"),
    [
        ("homes", "fsp", ["fsp-mar"] * 5 + ["fsp-sol"] * 3 + [None] * 3 + ["fsp-x"], 4, "'fsp-sol' against 'fsp-mar'"),
        ("homes", "consent", [True] * 12, 3, "False against True"),
        ("departures", "missing_kwh", [1.5, 2.0], 1, "0.0 against 2.0"),
        ("acts", "reads", [["ActivationSignal"]] * 6 + [["x"]], 6, "['ActivationSignal'] against ['x']"),
        ("conversations", "parent", [None, "c-1", None], 2, "'c-2' against None"),
    ],
)
def test_first_difference_of_every_type(table, column, changed, row, words, synthetic):
    good = conform({table: synthetic.tables()[table]})[table]
    other = conform({table: synthetic.tables()[table] | {column: changed}})[table]
    found = first_table_difference(table, good, other)
    assert (found.row, found.column) == (row, column)
    assert str(found).endswith(words)
    assert first_table_difference(table, good, good) is None


def test_digest_is_not_of_timings(tmp_path, synthetic):
    tables = synthetic.complete_tables()
    fast = write_run(tmp_path / "a", tables, synthetic.meta(wall_s={"run": 1.0}))
    slow = write_run(tmp_path / "b", tables, synthetic.meta(wall_s={"run": 9.0}))
    assert fast == slow


def test_a_folder_with_something_in_it_is_left_alone(tmp_path, synthetic):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(ResultsError, match="not empty"):
        check_out(out)
    with pytest.raises(ResultsError, match="not a run folder"):
        write_run(out, synthetic.complete_tables(), synthetic.meta(), force=True)
    assert leftovers(out) == ["thesis.txt"]
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(ResultsError, match="not a folder"):
        check_out(file)


def test_force_replaces_a_run_whole(written, synthetic):
    out, digests = written
    (out / "report.html").write_text("old")
    again = write_run(out, synthetic.complete_tables(), synthetic.meta(seed=8), force=True)
    assert again.tables["meters"] == digests.tables["meters"]
    assert not (out / "report.html").exists()
    assert not (out / "twin").exists()
    assert open_run(out).meta["seed"] == 8
    assert leftovers(out.parent) == ["run"]


def test_an_empty_folder_may_be_used(tmp_path, synthetic):
    (tmp_path / "new").mkdir()
    write_run(tmp_path / "new", synthetic.complete_tables(), synthetic.meta())
    assert open_run(tmp_path / "new").meta["seed"] == 7


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device"), RuntimeError("x")])
def test_an_interrupted_write_leaves_nothing(tmp_path, synthetic, monkeypatch, error):
    calls = []

    def failing(*args, **kwargs):
        calls.append(args)
        if len(calls) == 5:
            raise error
        return write(*args, **kwargs)

    write = pq.write_table
    monkeypatch.setattr(results.pq, "write_table", failing)
    expected = ResultsError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected) as caught:
        write_run(tmp_path / "run", synthetic.complete_tables(), synthetic.meta())
    assert leftovers(tmp_path) == []
    assert not isinstance(error, OSError) or "No space left" in str(caught.value)


def test_an_interrupted_replacement_keeps_the_old_run(written, synthetic):
    out, digests = written

    def interrupted(folder):
        assert open_run(folder).meta["digest"]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_run(out, synthetic.complete_tables(), synthetic.meta(seed=9), force=True, finish=interrupted)
    assert open_run(out).digests() == digests
    assert leftovers(out.parent) == ["run"]


def test_what_finish_adds_comes_with_the_run(tmp_path, synthetic):
    out = tmp_path / "deep" / "run"
    write_run(out, synthetic.complete_tables(), synthetic.meta(), finish=lambda f: (f / "report.html").write_text("r"))
    assert (out / "report.html").read_text() == "r"


def test_an_unwritable_place_is_refused_whoever_asks(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ResultsError, match=f"{tmp_path} is not writable"):
        check_out(tmp_path / "a" / "run")


def test_meta_must_say_what_a_replay_needs(tmp_path, synthetic):
    meta = synthetic.meta()
    del meta["seed"]
    with pytest.raises(ResultsError, match="lacks seed"):
        write_run(tmp_path / "run", synthetic.complete_tables(), meta)
    with pytest.raises(ResultsError, match="cannot hold"):
        write_run(tmp_path / "run", synthetic.complete_tables(), synthetic.meta(wall_s=float("nan")))
    assert leftovers(tmp_path) == []


def test_what_is_not_a_run_is_named(tmp_path, written):
    with pytest.raises(ResultsError, match="does not exist"):
        open_run(tmp_path / "nowhere")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.csv").write_text("")
    with pytest.raises(ResultsError, match=r"not a run folder.*a\.csv"):
        open_run(tmp_path / "other")
    run = open_run(written[0])
    with pytest.raises(ResultsError, match="did you mean 'meters'"):
        run.table("meter")
    with pytest.raises(KeyError):
        run.tables["meter"]


def test_another_format_or_broken_files_are_refused(written):
    out, _ = written
    file = out / "run.json"
    meta = json.loads(file.read_text())
    file.write_text(json.dumps(meta | {"format": 99}))
    with pytest.raises(ResultsError, match="format 99"):
        open_run(out)
    file.write_text("{")
    with pytest.raises(ResultsError, match=r"run\.json cannot be read"):
        open_run(out)
    file.write_text(json.dumps(meta))
    (out / "meters.parquet").write_bytes(b"nonsense")
    with pytest.raises(ResultsError, match=r"meters\.parquet cannot be read"):
        open_run(out).table("meters")
