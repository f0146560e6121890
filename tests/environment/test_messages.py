"""Laws of all records: built, refused, batched, digested, sourced."""

import ast
import inspect

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import read_yaml
from environment.addresses import Directory
from environment.messages import records, sources
from environment.messages.activation import SignalReceipt
from environment.messages.base import Batch, MessageError, Record, check_columns, columns_of, fields
from environment.messages.digest import digest_rows
from environment.messages.settlement import MeterData
from tests.environment.kernel_cases import instances, plain, values

ALL = sorted(records().items())
EACH = pytest.mark.parametrize("record", [one for _, one in ALL], ids=[name for name, _ in ALL])
UNITS = (
    "_ms",
    "_s",
    "_h",
    "_kw",
    "_kwh",
    "_kvar",
    "_eur",
    "_pu",
    "_percent",
    "_eur_per_kwh",
    "_kwh_per_day",
    "_share",
    "_c",
    "_k",
    "_wm2",
    "_kg",
    "_l",
    "_km",
    "_per_k",
    "_per_kwp",
    "_m",
    "_years",
)
COUNTS = {"assets", "constraints", "missing", "bids", "days", "min_members", "offers"}  # numbers of things
COUNTS |= {"employees", "sites_per_day", "items", "solved", "periods", "displays"}
MONEY = {"eur"}
WEIGHTS = {"sensitivity", "coefficient", "ev_plugged", "hp_cop"}  # pure numbers
WEIGHTS |= {"battery_eta_charge", "battery_eta_discharge", "ev_eta_charge", "ev_kwh_capacity"}
WEIGHTS |= {"low", "high", "state", "other", "values"}  # of several quantities; the kind or name beside says which
COUNTS |= {"persons", "attempt", "number", "pieces"}  # "number": of a round
WEIGHTS |= {"on", "called", "value", "gain"}  # switches; a first value of the quantity beside; kWh for each kWh
WEIGHTS |= {"share", "keep", "interest", "pricing_weight", "cost_limit"}  # shares
WEIGHTS |= {"known", "defined"}  # 1 or 0 of each step
WEIGHTS |= {"units", "unit", "capacity", "existing", "most"}  # kW or kWh, as the technology beside is sized
COUNTS |= {"years", "minimum_members"}
WEIGHTS |= {"is_limited", "is_missing", "is_open", "accepts"}  # 1 or 0 of each hour
COUNTS |= {"next_number", "clarified", "missing_hours", "tampered_at"}  # "tampered_at": place in a chain
WEIGHTS |= {"colour", "light", "relief"}  # traffic lights as numbers; kW for each kW
COUNTS |= {"version", "lines", "validity_s", "timestamp_s"}  # the last two: Unix time
COUNTS |= {"rows"}
WEIGHTS |= {"latitude", "longitude", "colour_up", "colour_down"}  # degrees; 0 green, 1 yellow, 2 red


def digest(one: Record) -> int:
    return int(digest_rows(type(one).__name__, columns_of([one]))[0])


def batch_of(some: list[Record]) -> Batch:
    n = len(some)
    batch = Batch(type(some[0]), np.arange(n), np.arange(n)[::-1].copy(), columns_of(some), "c")
    batch.ids = np.arange(100, 100 + n).astype(np.uint64)
    batch.received_ms = np.arange(n) * 1000
    return batch


def same(one: Record, other: Record) -> bool:
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(type(one)))


# --- what a record is --------------------------------------------------------------------------------------------------


def test_there_are_records():
    assert len(ALL) > 30
    assert sources() == {name: record.source for name, record in ALL}


@EACH
def test_a_record_says_what_it_is(record):
    assert inspect.getdoc(record) != inspect.getdoc(Record)
    assert len(inspect.getdoc(record)) > 20
    for field in fields(record):
        assert len(field.item.meaning) > 1, field.name


@EACH
def test_numbers_carry_their_unit_in_the_name(record):
    for field in fields(record):
        if field.kind in ("float", "profile"):
            assert field.name.endswith(UNITS) or field.name in MONEY | WEIGHTS, field.name
        if field.kind == "int":
            assert field.name.endswith("_ms") or field.name in COUNTS, field.name
        if field.kind in ("str", "names", "bool"):
            assert not field.name.endswith(UNITS), field.name


@EACH
def test_sources_name_information_of_the_catalogue(record):
    for suc, information in record.source:
        catalogue = read_yaml("usecases", f"{suc}.yaml")
        assert information in {one["id"] for one in catalogue["information"]}, (suc, information)


@EACH
def test_a_record_is_frozen_and_takes_no_field_that_it_does_not_have(record):
    one = plain(record)
    name = fields(record)[0].name
    with pytest.raises(AttributeError):
        setattr(one, name, getattr(one, name))
    with pytest.raises(TypeError):
        record(**{field.name: getattr(one, field.name) for field in fields(record)}, unheard=1)


def test_every_family_defines_all_its_records_with_a_source():
    for name, record in ALL:
        tree = ast.parse(inspect.getsource(inspect.getmodule(record)))
        body = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
        assert any(isinstance(node, ast.AnnAssign) and node.target.id == "source" for node in body.body), name


# --- refusals --------------------------------------------------------------------------------------------------------------


def wrong_values(field):
    """(value, expected) of everything that must be refused for a field, derived from its definition."""
    array = (lambda x: np.array([1.0, x, 1.0])) if field.kind == "profile" else (lambda x: x)
    if field.kind in ("float", "profile"):
        yield from ((array(wrong), "not a finite number") for wrong in (np.nan, np.inf, -np.inf))
        yield "many", "is not a"
    if field.item.ge is not None:
        below = field.item.ge - 1 if field.kind == "int" else np.nextafter(field.item.ge, -np.inf)
        yield array(int(below) if field.kind == "int" else below), f"not at least {field.item.ge:g}"
    if field.item.le is not None:
        yield array(np.nextafter(field.item.le, np.inf)), f"not at most {field.item.le:g}"
    if field.item.one_of:
        yield "sideways", "not one of"
    yield from {
        "int": [(1.5, "not a whole number"), ("1", "not a whole number")],
        "bool": [(2, "not true or false"), ("yes", "not true or false")],
        "str": [(3, "not a text"), (None, "not a text")],
        "names": [("abc", "not a tuple of texts"), (("a", 1), "not a tuple of texts"), (["a"], "not a tuple of texts")],
        "profile": [(1.0, "not a series"), (np.ones((2, 2)), "not a series"), (None, "not a series")],
        "float": [(None, "not a number"), (np.ones(2), "not a number")],
    }[field.kind]


@EACH
def test_a_field_that_is_wrong_is_refused_with_its_name(record):
    for field in fields(record):
        for value, text in wrong_values(field):
            with pytest.raises(MessageError, match=f"^{record.__name__}.{field.name}: .*{text}"):
                plain(record, **{field.name: value})


@EACH
def test_the_bounds_themselves_are_allowed(record):
    for field in fields(record):
        for bound in (field.item.ge, field.item.le):
            if bound is not None:
                value = {"profile": np.full(2, bound), "int": int(bound)}.get(field.kind, bound)
                plain(record, **{field.name: value})


@EACH
def test_a_batch_is_checked_like_a_record(record):
    columns = columns_of([plain(record), plain(record)])
    check_columns(record, columns)
    first = fields(record)[0].name
    with pytest.raises(MessageError, match=f"^{record.__name__}: the columns are"):
        check_columns(record, {name: column for name, column in columns.items() if name != first})
    with pytest.raises(MessageError, match=f"^{record.__name__}: the columns are"):
        check_columns(record, columns | {"unheard": np.zeros(2)})
    for field in fields(record):
        if field.kind in ("float", "profile"):
            wrong = columns[field.name].copy()
            wrong[1] = np.nan
            with pytest.raises(MessageError, match="finite"):
                check_columns(record, columns | {field.name: wrong})


def test_columns_of_different_lengths_are_refused():
    columns = columns_of([plain(SignalReceipt), plain(SignalReceipt)])
    with pytest.raises(MessageError, match=r"SignalReceipt: .*different lengths"):
        check_columns(SignalReceipt, columns | {"expected_kw": np.ones(3)})


def test_profiles_of_different_lengths_do_not_make_one_batch():
    with pytest.raises(MessageError, match=r"MeterData.metered_kw: .*different lengths"):
        columns_of([plain(MeterData), plain(MeterData, metered_kw=np.ones(7))])


def test_records_of_different_classes_do_not_make_one_batch():
    with pytest.raises(MessageError, match="SignalReceipt, MeterData"):
        columns_of([plain(SignalReceipt), plain(MeterData)])


def test_a_field_of_a_kind_that_no_message_carries_is_refused():
    class Odd(msgspec.Struct):
        table: dict

    with pytest.raises(TypeError, match=r"Odd.table: a message field cannot be"):
        fields(Odd)


# --- one record is a batch of one ----------------------------------------------------------------------------------------------


@EACH
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_a_record_survives_the_batch_and_a_row_has_the_digest_of_the_record(record, data):
    some = data.draw(st.lists(instances(record), min_size=1, max_size=4))
    batch = batch_of(some * 2)  # enough for arrays; a record alone goes by integers
    together = digest_rows(record.__name__, batch.columns)
    for row, one in enumerate(some):
        assert same(batch.one(row), one)
        assert digest(one) == digest(batch.one(row)) == int(together[row])


@EACH
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_any_field_that_changes_changes_the_digest(record, data):
    one = data.draw(instances(record))
    for field in fields(record):
        other = data.draw(values(field))
        changed = type(one)(**{f.name: getattr(one, f.name) for f in fields(record)} | {field.name: other})
        assert (digest(changed) == digest(one)) == np.array_equal(getattr(one, field.name), other)


@EACH
def test_one_bit_changes_the_digest(record):
    one = plain(record)
    for field in fields(record):
        value = getattr(one, field.name)
        toward = 2.0 if field.item.le is None else 0.5
        match field.kind:
            case "float":
                other = np.nextafter(value, 2.0 if field.item.le is None or value < field.item.le else value - 1.0)
            case "profile":
                other = value.copy()
                other[-1] = np.nextafter(other[-1], toward)
            case "int":
                other = value ^ 2
            case _:
                continue
        assert digest(plain(record, **{field.name: other})) != digest(one), field.name


def test_the_digest_knows_order_length_and_limits_of_lists():
    lists = [(), ("",), ("", ""), ("a", "b"), ("b", "a"), ("ab",), ("a\x1fb",), ("a,1:b",)]
    assert len({digest(plain(MeterData, meters=one)) for one in lists}) == len(lists)
    profiles = [np.array(one) for one in ([], [0.0], [0.0, 0.0], [1.0, 2.0], [2.0, 1.0])]
    assert len({digest(plain(MeterData, metered_kw=one)) for one in profiles}) == len(profiles)


def test_the_digest_knows_the_record_class_but_not_the_order_or_layout_of_columns():
    some = [plain(MeterData, from_ms=row) for row in range(4)]
    columns = columns_of(some)
    expected = digest_rows("MeterData", columns)
    assert (digest_rows("MeterData", dict(reversed(columns.items()))) == expected).all()
    strided = {name: np.repeat(column, 2, axis=0)[::2] for name, column in columns.items()}
    assert (digest_rows("MeterData", strided) == expected).all()
    fortran = columns | {"metered_kw": np.asfortranarray(columns["metered_kw"])}
    assert (digest_rows("MeterData", fortran) == expected).all()
    assert not (digest_rows("Metered", columns) == expected).any()


def test_minus_zero_is_zero():
    assert digest(plain(SignalReceipt, expected_kw=-0.0)) == digest(plain(SignalReceipt, expected_kw=0.0))


def test_a_digest_is_pinned_so_that_no_release_changes_it_unnoticed():
    assert digest(SignalReceipt(activation="a", accepted=True, expected_kw=1.5)) == 17938247147684963247


# --- take ------------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=6), st.booleans())
def test_take_keeps_ids_times_and_addresses_with_their_rows(rows, answered):
    batch = batch_of([plain(MeterData, from_ms=row) for row in range(5)])
    batch.sent_ms = 7
    if answered:
        batch.answer_to = np.arange(50, 55).astype(np.uint64)
    part = batch.take(np.array(rows))
    assert part["from_ms"].tolist() == rows
    assert part.ids.tolist() == [100 + row for row in rows]
    assert part.sender.tolist() == rows
    assert part.receiver.tolist() == [4 - row for row in rows]
    assert part.received_ms.tolist() == [1000 * row for row in rows]
    assert (part.sent_ms, part.conversation, part.record) == (7, "c", MeterData)
    assert part.answer_to is None if not answered else part.answer_to.tolist() == [50 + row for row in rows]


def test_what_a_receiver_does_to_its_part_does_not_change_the_batch():
    batch = batch_of([plain(MeterData) for _ in range(3)])
    part = batch.take(np.arange(3))
    part["metered_kw"][:] = 99.0
    part.one()  # a view of the part's own column
    assert (batch["metered_kw"] == 1.0).all()


def test_a_mask_takes_as_positions_do():
    batch = batch_of([plain(MeterData, from_ms=row) for row in range(4)])
    mask = np.array([True, False, True, False])
    assert batch.take(mask).ids.tolist() == batch.take(np.flatnonzero(mask)).ids.tolist()
    assert len(batch.take(np.zeros(4, bool))) == 0


def test_a_directory_is_no_message():
    assert not issubclass(Directory, Record)
