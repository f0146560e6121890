"""Laws of limited components, for every rule; colours of lights by their definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.scenario.library import RULES, rule
from markets.traffic_light import Colour, colour_of, colours, tightened_kw, usable_kw

quantities = st.lists(st.floats(0, 1e4), min_size=1, max_size=12)
limits = st.one_of(st.floats(0, 5e4), st.just(np.inf))
rules = pytest.mark.parametrize("name", sorted(RULES["bid-component"]))


@rules
@given(quantities, limits, st.data())
def test_the_sum_keeps_the_limit_and_nothing_is_lost_below_it(
    name: str, quantity: list[float], limit: float, data
) -> None:  # type: ignore[no-untyped-def]
    price = data.draw(st.lists(st.floats(0, 1), min_size=len(quantity), max_size=len(quantity)))
    limited = rule("bid-component", name)(quantity, limit, price)
    assert (limited >= 0).all()
    assert (limited <= np.array(quantity) * (1 + 1e-12)).all()
    assert limited.sum() == pytest.approx(min(sum(quantity), limit), rel=1e-9, abs=1e-9)


@rules
def test_red_takes_all_and_green_nothing(name: str) -> None:
    function = rule("bid-component", name)
    assert function([3.0, 1.0], 0.0, [0.1, 0.2]).tolist() == [0.0, 0.0]
    assert function([3.0, 1.0], np.inf, [0.1, 0.2]).tolist() == [3.0, 1.0]


def test_of_equal_prices_the_earlier_is_kept() -> None:
    assert rule("bid-component", "merit-order-components")([2.0, 2.0], 3.0, [0.1, 0.1]).tolist() == [2.0, 1.0]


@pytest.mark.parametrize(
    ("offered", "admitted", "colour"),
    [(5.0, 5.0, Colour.GREEN), (5.0, 2.0, Colour.YELLOW), (5.0, 0.0, Colour.RED), (-5.0, -5.0, Colour.GREEN),
     (-5.0, -2.0, Colour.YELLOW), (-5.0, 0.0, Colour.RED), (0.0, 0.0, Colour.GREEN)],
)  # fmt: skip
def test_colours(offered: float, admitted: float, colour: Colour) -> None:
    assert colours(offered, admitted) == colour
    assert colour_of(offered, admitted) is colour


@pytest.mark.parametrize(("offered", "admitted"), [(5.0, 6.0), (-5.0, -6.0), (5.0, -1.0), (0.0, 1.0)])
def test_a_light_cannot_admit_what_was_not_offered(offered: float, admitted: float) -> None:
    with pytest.raises(ValueError, match="traffic light"):
        colours(offered, admitted)
    with pytest.raises(ValueError, match="traffic light"):
        colour_of(offered, admitted)


@given(st.floats(0, 1e4), st.floats(0, 1e4))
def test_a_dynamic_light_is_never_looser_than_the_static_one(static: float, evaluated: float) -> None:
    capability = tightened_kw(static, evaluated)
    assert capability <= static
    assert usable_kw(colours(static, capability), static, capability) == capability
