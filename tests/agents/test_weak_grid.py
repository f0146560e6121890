"""Static lights where networks are weak: red because not the least power is clean in normal operation and the stated outages, and what becomes of such points."""

from collections import Counter

import numpy as np
import pytest

from environment.grid.connection_power import ACCURACY_KW
from experiments.covers import covers
from tests.agents.lights_world import Examined, World, small


@pytest.fixture(scope="module", params=[25.0, 26.0])
def weak(request):
    """The morning of D-1 until points are registered, with stations that may be loaded to a quarter: an outage leaves nothing, or little."""
    content = small()
    content["grid"]["limits"]["transformer_percent"] = request.param
    return World(content, until_h=7.2)


@covers("SUC08.1/r13", "SUC10.1/r13")
def test_lights_say_what_flows_say(weak):
    """Green: all is clean; yellow: so much is and no more; red: not the least is, or what would mend a limit does not mend it."""
    lights, seen = weak.table("static_lights"), Counter()
    for number in (0, 1):
        examined = Examined(weak, number)
        every, is_clean = examined.grid.states, examined.is_clean
        for way in ("up", "down"):
            for row in examined.rows:
                found, asked = float(lights[f"validated_{way}_kw"][row]), float(lights[f"{way}_kw"][row])
                light = str(lights[f"light_{way}"][row])
                seen[light] += 1
                whole = is_clean(row, asked, every)
                assert (light == "green") == (whole or asked == 0.0)
                if light == "yellow":
                    assert 0.0 < abs(found) < abs(asked)
                    assert is_clean(row, found, every)
                    assert not is_clean(row, found + 2 * ACCURACY_KW * np.sign(asked), every)
                elif light == "red":
                    assert found == 0.0
                    assert not is_clean(row, 2 * ACCURACY_KW * np.sign(asked), every)
    assert seen["red"] > 0
    assert seen["green"] > 0


@covers("SUC08.1/r18")
def test_a_point_that_is_red_both_ways_goes_no_further(weak):
    """It is refused in the register, stands in no row of the matrix, and is in no pool; one that is red one way is used the other way."""
    lights, matrix = weak.table("static_lights"), weak.table("topology_matrix")["gcp"].tolist()
    status = {row["gcp"]: row["status"] for row in weak.party("flexibility-register").entries.store.points()}
    pooled = {
        gcp
        for name in ("bsp-alfa", "bsp-beta")
        for pool in weak.party(name).registration.picture.pools.values()
        for gcp in pool.points
    }
    red = {}
    for gcp, up, down in zip(
        lights["gcp"].tolist(), lights["light_up"].tolist(), lights["light_down"].tolist(), strict=True
    ):
        red[gcp] = (up == "red") + (down == "red")
    assert set(red.values()) >= {1, 2}
    for gcp, ways in red.items():
        assert (status[gcp] == "refused") == (ways == 2)
        assert (gcp in matrix) == (gcp in pooled) == (ways < 2)
