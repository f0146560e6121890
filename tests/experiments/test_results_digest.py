"""Digests of results: what they see, what they do not, and the first difference in words."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.results import first_difference, open_run, write_run
from experiments.results.digest import digest_tables, first_table_difference, rounded
from experiments.results.schema import conform


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
