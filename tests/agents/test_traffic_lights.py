"""Register, lights and pools as a small world of two operators: every step made, every operator sees its own, no light looser than static."""

import numpy as np
import pytest

from environment.grid.connection_power import ACCURACY_KW
from environment.messages.base import Batch, columns_of
from environment.messages.flexibility_register import (
    GcpRegistration,
    PointChange,
    PointWithdrawal,
    StaticLight,
)
from experiments.conformance import check
from experiments.covers import covers
from experiments.kpis import lights as kpis_lights
from experiments.kpis.facts import Facts
from markets.registers.grid_element import read_grid_element
from tests.agents.lights_world import Examined


@pytest.fixture(scope="module")
def lived(lights_day):
    return lights_day


@pytest.fixture(scope="module")
def tables(lived):
    return lived.tables()


@covers(
    "SUC08.1/r01", "SUC08.1/r05", "SUC08.1/r06", "SUC08.1/r23", "SUC08.3/r02", "SUC08.3/r04", "SUC08.3/r15", "SUC10.1/r21",
    "SUC10.2/r17", "SUC10.2/r18",
)  # fmt: skip
@pytest.mark.parametrize("suc", ["SUC08.1", "SUC08.3", "SUC10.1", "SUC10.2"])
def test_every_step_is_made(tables, suc):
    case = check(tables, usecases=[suc], provenance=True).usecases[suc]
    assert case.broken == ()
    assert case.made == case.steps
    assert case.unmatched == 0


@covers("SUC10.1/r11")
def test_each_operator_sees_only_points_with_its_name(lived):
    for name in ("dso-nord", "dso-sud"):
        known = lived.party(name).registration.picture.static.values()
        assert known
        assert {one.dso for one in known} == {name}


@covers("SUC08.1/r13", "SUC10.1/r13")
def test_static_lights_bear_the_outages_that_the_operator_states(lived):
    """Clean in normal operation and in every stated outage, a little more is not; and without the outages some points would get more."""
    examined = Examined(lived, 0)
    lights, is_clean, every = lived.table("static_lights"), examined.is_clean, examined.grid.states
    assert len(every) == 1 + len(lived.site.scenario.global_market.dsos[0].n1) > 1
    limited = 0
    for way in ("up", "down"):
        for row in examined.rows:
            found, asked = float(lights[f"validated_{way}_kw"][row]), float(lights[f"{way}_kw"][row])
            assert found == 0.0 or is_clean(row, found, every)
            if abs(found) < abs(asked) and is_clean(row, 0.0, every):
                more = found + 2 * ACCURACY_KW * np.sign(asked)
                assert not is_clean(row, more, every)
                limited += is_clean(row, more, every[:1])
    assert limited > 0


@covers("SUC10.2/r09", "SUC10.2/r01", "SUC10.2/r04", "SUC08.3/r11", "SUC08.3/r12", "SUC08.3/r13")
def test_no_dynamic_light_is_looser_than_static(lived):
    lights = lived.table("dynamic_lights")
    assert (lights["capability_kw"] <= lights["static_kw"]).all()
    green, red = lights["colour"] == "green", lights["colour"] == "red"
    assert (lights["capability_kw"][green] == lights["static_kw"][green]).all()
    assert (lights["capability_kw"][red] == 0.0).all()
    assert np.isin(lights["colour"], ["green", "yellow", "red"]).all()


@covers("SUC10.1/r12", "SUC08.1/r08", "SUC08.1/r09", "SUC08.1/r10")
def test_perimeters_have_codes_of_their_operator(lived):
    lights = lived.table("static_lights")
    operators = {one.name: one for one in lived.site.scenario.global_market.dsos}
    for dso, code in zip(lights["dso"].tolist(), lights["grid_element"].tolist(), strict=True):
        element = read_grid_element(code)
        assert (element.dso_eic, element.municipality) == (operators[dso].eic, operators[dso].municipality)
    assert len(set(lights["grid_element"].tolist())) == 3


@covers("SUC10.2/r10", "SUC10.2/r11", "SUC08.3/r06", "SUC08.3/r09", "SUC08.3/r20")
def test_lights_are_there_before_their_deadline_and_kept_up_in_hours_that_are_left(lived):
    lights, (start_ms, end_ms) = lived.table("dynamic_lights"), lived.site.days_ms[0]
    made = np.unique(lights["made_ms"])
    assert made[0] < lights["due_ms"][0] < start_ms
    assert len(made) > 2
    assert (made < end_ms).all()
    hours = set(range(start_ms, end_ms, 3_600_000))
    key = list(
        zip(lights["perimeter"], lights["direction"], lights["t_ms"].tolist(), lights["made_ms"].tolist(), strict=True)
    )
    kw = dict(zip(key, lights["capability_kw"].tolist(), strict=True))
    assert {hour for _, _, hour, _ in key} == hours
    for perimeter, direction, hour, at in key:
        before = max(
            (one for *_, one in (k for k in key if k[:3] == (perimeter, direction, hour)) if one < at), default=None
        )
        if before is not None and hour < at + 3_600_000:
            assert kw[perimeter, direction, hour, at] == kw[perimeter, direction, hour, before]


@covers("SUC10.2/r08", "SUC10.2/r14")
def test_static_values_are_told_where_a_perimeter_bears_them_and_dynamic_ones_where_it_does_not(lived):
    journal, number = lived.world.bus.journal, lived.world.directory.number
    told = {"StaticLight": set(), "DynamicLight": set()}
    for traffic in journal.traffic:
        batch = traffic.batch
        if batch.record.__name__ in told and batch.conversation.startswith("SUC10.2"):
            mine = (batch.receiver == number("cbp")) & np.isin(
                batch.sender, [number("dso-nord/derms"), number("dso-sud/derms")]
            )
            field = "grid_element" if batch.record is StaticLight else "perimeter"
            told[batch.record.__name__] |= {(batch.conversation, one) for one in batch[field][mine]}
    assert told["StaticLight"]
    assert told["DynamicLight"]
    assert not told["StaticLight"] & told["DynamicLight"]


# --- updates and who may change what -----------------------------------------------------------------------------------------


@covers("SUC10.1/r10", "SUC10.1/r18", "SUC08.1/r22", "SUC08.1/r21")
def test_a_changed_point_is_examined_completed_and_pooled_anew(lived):
    registered_, lights = lived.table("registered_points"), lived.table("static_lights")
    points = registered_["gcp"].tolist()
    changed = sorted({gcp for gcp in points if points.count(gcp) == 2})
    assert len(changed) == 2
    for gcp in changed:
        first, second = registered_["up_kw"][registered_["gcp"] == gcp]
        assert second == pytest.approx(0.6 * first)
        assert (lights["gcp"] == gcp).sum() == 2
        matrix = lived.table("topology_matrix")
        versions = matrix["version"][matrix["gcp"] == gcp]
        assert versions[1] > versions[0]
        held = lived.party("flexibility-register").entries.store.point(gcp)
        assert held["status"] == "completed"
        assert held["up_kw"] == pytest.approx(second)
        assert held["validated_up_kw"] <= held["up_kw"]
    tests = lived.table("pool_tests")
    assert ((tests["pool"] == "bsp-alfa/dso-nord") & (tests["service"] == "global")).sum() == 2
    assert ((tests["pool"] == "bsp-beta/dso-nord") & (tests["service"] == "global")).sum() == 2  # it withdraws a point


@covers("SUC08.1/r22", "SUC08.1/r21", "SUC10.1/r18")
def test_a_withdrawn_point_is_gone_everywhere_and_its_pool_is_qualified_without_it(lived):
    matrix = lived.table("topology_matrix")
    gone = matrix["taken_out"].astype(bool)
    (gcp,) = matrix["gcp"][gone].tolist()
    assert matrix["version"][gone][0] > matrix["version"][(matrix["gcp"] == gcp) & ~gone].max()
    store = lived.party("flexibility-register").entries.store
    assert store.point(gcp)["status"] == "withdrawn"
    assert "withdraw" in {one["what"] for one in store.accesses() if one["subject"] == gcp and one["admitted"]}
    pools = {pool: (points, services) for pool, _, points, services in store.pools()}
    points, services = pools["bsp-beta/dso-nord"]
    assert points
    assert gcp not in points
    assert set(services.values()) == {"qualified"}
    for name, desk in (("bsp-beta", "registration"), ("dso-nord", "registration"), ("tso", "topology")):
        picture = getattr(lived.party(name), desk).picture
        assert gcp not in picture.topology
        assert gcp not in picture.pools["bsp-beta/dso-nord"].points
        assert set(points) <= set(picture.topology)
    measured = lived.table("measurements")
    asked = measured["gcp"][measured["t_ms"] >= lived.site.days_ms[0][0]].tolist()
    assert set(points) <= set(asked)
    assert gcp not in asked


def test_nobody_withdraws_what_is_not_its_own(lived):
    """The register and the TSO, each for itself, to a withdrawal that the platform was made to pass on."""
    gcp = lived.party("bsp-alfa").registration.picture.pools["bsp-alfa/dso-nord"].points[0]
    batch = sent(lived, PointWithdrawal, by="bsp-beta", gcp=gcp)
    desk = lived.party("tso").topology
    before = len(lived.table("refused_requests").get("t_ms", ()))
    assert list(desk.take_out(batch)) == []
    assert gcp in desk.picture.topology
    assert len(lived.table("refused_requests")["t_ms"]) == before + 1


@covers("SUC10.1/r19")
def test_every_row_of_the_matrix_is_acknowledged_by_both_whom_it_concerns(lived):
    matrix, taken = lived.table("topology_matrix"), lived.table("topology_acknowledgements")
    for side in ("bsp", "dso"):
        for name in set(matrix[side].tolist()):
            assert (matrix[side] == name).sum() == taken["rows"][taken["party"] == name].sum()


def sent(lived, record, **columns):
    """A message as the platform passes it on to the register."""
    one = record(**columns)
    number = lived.world.directory.number
    batch = Batch(
        record, np.array([number("cbp")]), np.array([number("flexibility-register")]), columns_of([one]), "SUC08.1/1:x"
    )
    batch.ids = np.zeros(1, np.uint64)
    return batch


@covers("SUC08.1/r22", "SUC10.1/r11", "SUC08.3/r21")
@pytest.mark.parametrize(
    ("by", "field", "value", "reason"),
    [
        ("bsp-beta", "up_kw", 1.0, "may not change a point of bsp-alfa"),
        ("dso-sud", "validated_up_kw", 1.0, "may not change a point in the network of dso-nord"),
        ("bsp-alfa", "validated_up_kw", 99.0, "a bsp may not write validated_up_kw"),
        ("tso", "up_kw", 1.0, "a tso may not write up_kw"),
        ("dso-nord", "validated_up_kw", 99.0, "more power is admitted than offered"),
        ("somebody", "up_kw", 1.0, "may not write up_kw"),
    ],
)
def test_nobody_changes_what_is_not_its_own(lived, by, field, value, reason):
    desk = lived.party("flexibility-register").entries
    gcp = next(row["gcp"] for row in desk.store.points(bsp="bsp-alfa", dso="dso-nord", status="completed"))
    before = desk.store.point(gcp)
    desk._take_change(sent(lived, PointChange, gcp=gcp, by=by, field=field, value=value, text=""))
    assert desk.store.point(gcp) == before
    logged = desk.store.accesses()[-1]
    assert not logged["admitted"]
    assert reason in logged["reason"]
    assert (logged["by"], logged["subject"]) == (by, gcp)
    lived.party("flexibility-register").outbox.clear()


def test_points_that_cannot_be_are_not_registered(lived):
    desk = lived.party("flexibility-register").entries
    wrong = {"gcp": "new/meter", "bsp": "bsp-alfa", "dso": "dso-nord", "kind": "consumption", "latitude": 45.0, "longitude": 9.0,
             "up_kw": 3.0, "down_kw": 3.0, "nominal_kw": 3.0, "services": ("global",)}  # fmt: skip
    desk._take_registration(sent(lived, GcpRegistration, **wrong))
    assert desk.store.point("new/meter") is None
    assert "it is written as a negative number" in desk.store.accesses()[-1]["reason"]
    lived.party("flexibility-register").outbox.clear()


@covers("SUC08.1/r02")
def test_the_platform_passes_on_nothing_in_the_name_of_another(lived):
    relay = lived.party("cbp").relay
    batch = sent(lived, PointWithdrawal, gcp="nord-0001/meter", by="bsp-alfa")
    batch.sender = np.array([lived.world.directory.number("bsp-beta/platform")])
    assert len(relay._own(batch, "by")) == 0
    batch.sender = np.array([lived.world.directory.number("bsp-alfa/platform")])
    assert len(relay._own(batch, "by")) == 1


# --- figures and report ------------------------------------------------------------------------------------------------------


def test_figures_say_what_the_tables_say(tables, lived):
    facts = Facts(
        tables, None, {"delivery_start_ms": lived.site.days_ms[0][0], "delivery_end_ms": lived.site.days_ms[0][1]}
    )
    found = {name: figure(facts) for name, figure in kpis_lights.FIGURES.items()}
    assert found["register_points"] == len(lived.table("registered_points")["gcp"]) - 2  # two were changed
    assert found["register_qualified_percent"] == 100.0
    assert found["lights_late"] == 0.0
    lights = lived.table("dynamic_lights")
    newest = {dso: lights["made_ms"][lights["dso"] == dso].max() for dso in set(lights["dso"].tolist())}
    last = lights["made_ms"] == np.array([newest[dso] for dso in lights["dso"].tolist()])
    there = last & (lights["static_kw"] > 0)
    for colour in ("yellow", "red"):
        share = 100.0 * (lights["colour"][there] == colour).mean()
        assert found[f"lights_{colour}_percent"] == pytest.approx(share)
    assert found["lights_yellow_percent"] + found["lights_red_percent"] > 0.0
    up = last & (lights["direction"] == "up")
    usable = 100.0 * lights["capability_kw"][up].sum() / lights["static_kw"][up].sum()
    assert found["lights_usable_up_percent"] == pytest.approx(usable)
