"""Flexibility of a sized community against a programme of its own: the most that can be held, hour by hour, with the same physics."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from agents.strategies.sizing import Sizing
from agents.strategies.sizing_community import BusinessModel, problem_of
from agents.strategies.sizing_flexibility import long_term_kw, potentials_kw
from experiments.covers import covers

HOURS = 48


@pytest.fixture(scope="module")
def sized(three_sites):
    """A community, its sizes and operation."""
    model = BusinessModel("together", "total-cost", "individual", (), 1.0)
    return three_sites, Sizing(problem_of(three_sites, model)).solve()


def most_held(community, solution, number, start, held, sign):
    """By a mixed-integer programme: charging and discharging of each hour, one of them at a time, and the content after it."""
    place = community.places[number]
    kind = community.technologies[place.technology]
    battery = kind.battery
    size = place.existing + solution.units[number] * kind.unit
    day = start // 24 * 24
    steps = [day + (start - day + k) % 24 for k in range(held)]
    before = day + (start - day - 1) % 24
    plan, content = solution.plant_kw[number], solution.content_kwh[number]
    n = 1 + 4 * held  # extra power; then given, taken, which of them, content of each hour
    cost, low, high = np.zeros(n), np.zeros(n), np.full(n, np.inf)
    cost[0] = -1.0
    whole = np.zeros(n)
    rows, least, most = [], [], []

    def row(entries, lower, upper):
        line = np.zeros(n)
        for column, value in entries:
            line[column] += value
        rows.append(line)
        least.append(lower)
        most.append(upper)

    for k, step in enumerate(steps):
        g, t, b, e = (1 + 4 * k + part for part in range(4))
        whole[b] = high[b] = 1.0
        if battery is not None:
            power = (battery.kw_per_kwh * size,) * 2
            low[e], high[e], keep, fills = 0.0, battery.usable_share * size, 1.0, (battery.charge_efficiency, 1.0 / battery.discharge_efficiency)  # fmt: skip
        else:
            one = place.store
            power = (one.less_kw[step] * size, one.more_kw[step] * size)
            low[e], high[e], keep, fills = one.low_kwh[step] * size, one.high_kwh[step] * size, one.keep, (one.gain[step],) * 2  # fmt: skip
        row([(g, 1.0), (t, -1.0), (0, -sign)], plan[step], plan[step])
        row([(g, 1.0), (b, -power[0])], -np.inf, 0.0)
        row([(t, 1.0), (b, power[1])], -np.inf, power[1])
        begun = keep * content[before] if k == 0 else 0.0
        row([(e, 1.0), (t, -fills[0]), (g, fills[1]), *([(e - 4, -keep)] if k else [])], begun, begun)
    found = milp(
        cost, constraints=LinearConstraint(np.array(rows), least, most), bounds=Bounds(low, high), integrality=whole
    )
    assert found.success, found.message
    return found.x[0]


@covers("SUC01.1/r20")
@pytest.mark.parametrize("held", [1, 3])
def test_what_a_device_can_hold_is_what_a_programme_finds(sized, held):
    community, solution = sized
    up, down = potentials_kw(community, solution, float(held))
    compared = {+1.0: 0.0, -1.0: 0.0}
    for number, place in enumerate(community.places):
        if place.technology != "pv":
            assert place.existing + solution.units[number] > 0.5, "the case tests nothing otherwise"
            for start in range(0, HOURS, 5):
                for sign, found in ((1.0, up), (-1.0, down)):
                    best = most_held(community, solution, number, start, held, sign)
                    assert found[number, start] == pytest.approx(best, abs=1e-5), (place.name, start, sign)
                    compared[sign] += best
    assert min(compared.values()) > 5.0


def test_down_curtails_no_more_than_is_fed(sized):
    community, solution = sized
    half = replace(solution, curtailed_kw=0.5 * solution.plant_kw[1] * (np.arange(3) == 0)[:, None])
    full, less = (potentials_kw(community, one, 1.0)[1][1] for one in (solution, half))
    np.testing.assert_allclose(less, 0.5 * full)
    assert full.max() > 1.0


def test_no_meter_promises_more_than_its_power_and_capacity_fades(sized):
    community, solution = sized
    up, down = long_term_kw(community, solution, 1.0, 12)
    assert (np.diff(up[:10].sum(axis=1)) < 0.0).all()
    assert up[10].sum() > up[9].sum()  # new batteries after ten years
    tight = replace(community, contracted_kw=np.full(3, 2.0))
    room = np.maximum(tight.contracted_kw[:, None], tight.load_kw.max(axis=1)[:, None]) - solution.net_kw
    assert (long_term_kw(tight, solution, 1.0, 1)[1][0] <= np.maximum(room, 0.0).sum(axis=0) + 1e-9).all()
    assert long_term_kw(tight, solution, 1.0, 1)[1].sum() < down[0].sum()
