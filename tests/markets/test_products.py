import msgspec
import pytest

from experiments.covers import covers
from markets.products import FlexibilityProduct, LocalArea, Window

HOUR = 3_600_000


def product(**changes):
    given = {"name": "p", "area": LocalArea("zone", ("z",)), "service_window": Window(0, 4 * HOUR)}
    return FlexibilityProduct(**(given | changes))


def test_a_product_without_activation_windows_may_be_called_all_the_time():
    assert product().windows == (Window(0, 4 * HOUR),)


@covers("SUC06.1/r17")
def test_activation_windows_are_parts_of_the_service_window():
    inside = (Window(0, HOUR), Window(2 * HOUR, 3 * HOUR))
    assert product(activation_windows=inside).windows == inside


@covers("SUC06.1/r17")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "no name"),
        ({"area": LocalArea("zone", ())}, "names no place"),
        ({"capacity_min_kw": -1.0}, "capacity_min_kw"),
        ({"capacity_min_kw": 9.0, "capacity_max_kw": 8.0}, "capacity_min_kw"),
        ({"granularity_kw": -0.1}, "granularity_kw"),
        ({"min_acceptance_kw": -1.0}, "min_acceptance_kw"),
        ({"interval_ms": 0}, "interval_ms"),
        ({"service_window": Window(HOUR, HOUR)}, "must end after it begins"),
        ({"service_window": Window(0, HOUR + 1)}, "whole intervals"),
        ({"activation_windows": (Window(3 * HOUR, 5 * HOUR),)}, "activation_windows"),
        ({"estimated_activation_h": 5.0}, "estimated_activation_h"),
        ({"max_duration_ms": 1}, "max_duration_ms"),
        ({"announcement_ms": -1}, "announcement_ms"),
        ({"product_type": "availability"}, "does not pay"),
        ({"activation_cap_eur_per_kwh": -0.1}, "caps"),
        ({"penalty_eur_per_kwh": -0.1}, "penalty_eur_per_kwh"),
        ({"grace_share": 1.1}, "grace_share"),
        ({"grace_slope": -1.0}, "grace_slope"),
    ],
)
def test_each_contradiction_is_named(changes, said):
    with pytest.raises(ValueError, match=said):
        product(**changes)


def test_all_contradictions_are_named_at_once():
    with pytest.raises(ValueError, match=r"granularity_kw.*max_duration_ms.*grace_share"):
        product(granularity_kw=-1.0, max_duration_ms=1, grace_share=0.0)


def test_a_product_cannot_be_changed_and_survives_the_wire():
    made = product(penalty_eur_per_kwh=0.2, direction="down")
    with pytest.raises(AttributeError):
        made.name = "q"
    assert msgspec.json.decode(msgspec.json.encode(made), type=FlexibilityProduct) == made


@pytest.mark.parametrize(
    ("other", "contained", "overlapping"),
    [
        ((0, 4), True, True),
        ((1, 2), True, True),
        ((4, 5), False, False),
        ((3, 5), False, True),
        ((-1, 0), False, False),
    ],
)
def test_windows_are_half_open(other, contained, overlapping):
    window = Window(0, 4)
    assert window.contains(Window(*other)) is contained
    assert window.overlaps(Window(*other)) is overlapping
