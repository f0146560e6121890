"""The register's database: what was written is there again, whole or not at all, and tampering shows at its place."""

from dataclasses import asdict, fields

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from environment.hash_chain import chain
from environment.platforms.register_store import POINTS, Access, Measured, RegisterStore
from experiments.covers import covers
from markets.registers.flexibility_register import ConnectionPoint

POINT = ConnectionPoint(
    gcp="IT001E1",
    bsp="bsp-1",
    dso="dso-1",
    kind="mixed",
    latitude=41.9,
    longitude=12.5,
    up_kw=8.0,
    down_kw=-5.0,
    nominal_kw=10.0,
)
LOOK = Access(at_ms=5, by="bsp-1", role="bsp", what="register", subject="IT001E1")


def measured(hours: int, first: int = 0, before: bytes | None = None) -> list[Measured]:
    contents = [f"IT001E1 {hour}".encode() for hour in range(first, first + hours)]
    hashes = chain(contents) if before is None else chain(contents, before)
    return [
        Measured("IT001E1", hour * 3_600_000, 1.0, 0.25, contents[hour - first], hashes[hour - first])
        for hour in range(first, first + hours)
    ]


def test_columns_are_the_fields_of_a_point() -> None:
    assert {column.name for column in POINTS.columns} == {field.name for field in fields(ConnectionPoint)}


@covers("SUC10.2/37")
def test_a_restarted_register_holds_what_it_held(tmp_path) -> None:  # type: ignore[no-untyped-def]
    url = f"sqlite:///{tmp_path}/register.db"
    store = RegisterStore(url)
    store.put_points([asdict(POINT)], [LOOK])
    store.put_pool("p", "bsp-1", ["IT001E1"], {"global": "asked"}, LOOK)
    assert store.put_measurements("pgui-1", measured(3), LOOK) is None
    store.close()
    again = RegisterStore(url)
    assert again.point("IT001E1") == asdict(POINT)
    assert again.pools() == [("p", "bsp-1", ("IT001E1",), {"global": "asked"})]
    assert [row["hour_ms"] for row in again.measurements(["IT001E1"], 0, 7_200_000)] == [0, 3_600_000]
    assert len(again.accesses()) == 3
    assert again.put_measurements("pgui-1", measured(2, 3, measured(3)[-1].hash), LOOK) is None
    again.close()


def test_points_are_found_by_their_columns_and_changed_in_place() -> None:
    store = RegisterStore()
    store.put_points([asdict(POINT), asdict(POINT) | {"gcp": "IT001E2", "dso": "dso-2"}], [])
    store.put_points([asdict(POINT) | {"up_kw": 9.0, "version": 2}], [])
    assert [row["gcp"] for row in store.points(dso="dso-2")] == ["IT001E2"]
    assert [row["up_kw"] for row in store.points()] == [9.0, 8.0]
    assert store.point("IT001E9") is None


def test_a_change_that_fails_leaves_nothing_behind() -> None:
    store = RegisterStore()
    row = asdict(POINT)
    with pytest.raises(IntegrityError):
        store.put_points([row, row], [LOOK])
    assert store.points() == []
    assert store.accesses() == []


@covers("SUC08.3/r08")
def test_the_last_light_before_the_gate_counts() -> None:
    store = RegisterStore()
    light = {"perimeter": "p", "hour_ms": 0, "direction": "up", "capability_kw": None}
    store.put_lights([light | {"colour": "green", "sent_ms": 1}], [])
    store.put_lights([light | {"colour": "yellow", "capability_kw": 40.0, "sent_ms": 5}], [])
    store.put_lights([light | {"colour": "red", "sent_ms": 10}], [])
    assert store.lights_before(10) == {("p", 0, "up"): ("yellow", 40.0)}
    assert store.lights_before(2) == {("p", 0, "up"): ("green", None)}
    assert store.lights_before(1) == {}


def test_measurements_that_do_not_continue_the_chain_are_not_stored() -> None:
    store = RegisterStore()
    assert store.put_measurements("pgui-1", measured(2), LOOK) is None
    gap = measured(5)[3:]
    assert store.put_measurements("pgui-1", gap, LOOK) == 0
    good = measured(5)[2:]
    altered = [good[0], good[1]._replace(content=b"IT001E1 x"), good[2]]
    assert store.put_measurements("pgui-1", altered, LOOK) == 1
    assert len(store.measurements(["IT001E1"], 0, 10**9)) == 2


@pytest.mark.parametrize("change", ["content = x'78'", "hash = x'00'"])
def test_tampering_in_the_database_is_found_at_its_index(tmp_path, change: str) -> None:  # type: ignore[no-untyped-def]
    url = f"sqlite:///{tmp_path}/register.db"
    store = RegisterStore(url)
    store.put_measurements("pgui-1", measured(6), LOOK)
    assert store.tampered("pgui-1") is None
    with create_engine(url).begin() as connection:
        connection.execute(text(f"update measurements set {change} where number = 4"))
    assert store.tampered("pgui-1") == 4
    with create_engine(url).begin() as connection:
        connection.execute(text("delete from measurements where number = 2"))
    assert store.tampered("pgui-1") == 2
