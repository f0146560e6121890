"""Life cycle of the Flexibility Register: who may do what, when, and what a change undoes (SUC08.1, SUC10.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.covers import covers
from markets.registers import flexibility_register as register
from markets.registers.flexibility_register import ConnectionPoint, Qualification, RegisterError, Status
from markets.registers.grid_element import GridElement, eic_check_character, eic_fault, read_grid_element
from markets.traffic_light import Colour

EIC = "10X1001A1001A450"  # ENTSO-E's own party code, as its EIC reference manual and its files use it
ELEMENT = f"{EIC}0580910012_CS"


def point(**given_as: object) -> ConnectionPoint:
    return ConnectionPoint(**{  # type: ignore[arg-type]
        "gcp": "IT001E1", "bsp": "bsp-1", "dso": "dso-1", "kind": "mixed", "latitude": 41.9, "longitude": 12.5, "up_kw": 8.0,
        "down_kw": -5.0, "nominal_kw": 10.0, **given_as,
    })  # fmt: skip


def validated(up_kw: float = 8.0, down_kw: float = -5.0) -> ConnectionPoint:
    taken = register.taken_up(register.registered(point(), "bsp-1"), "dso-1")
    return register.validated(
        taken, "dso-1", grid_element=ELEMENT, up_kw=up_kw, down_kw=down_kw, treatment="as metered"
    )


def complete() -> ConnectionPoint:
    return register.completed(validated(), "tso", "tso", tso_perimeter="UVAM-1", market_zone="Centro Sud")


@covers("SUC10.1/r14", "SUC10.1/r15", "SUC10.1/r16", "SUC10.1/r17", "SUC08.1/r05", "SUC08.1/r19", "SUC08.1/r20")
def test_a_point_goes_from_registration_to_the_topology_matrix() -> None:
    assert validated().lights == (Colour.GREEN, Colour.GREEN)
    found = complete()
    assert found.status is Status.COMPLETED
    assert register.topology_matrix([found, validated()]) == (
        register.TopologyRow("bsp-1", ELEMENT, "UVAM-1", "IT001E1"),
    )


@covers(
    "SUC10.1/r02",
    "SUC10.1/r03",
    "SUC10.1/r04",
    "SUC10.1/r05",
    "SUC10.1/r06",
    "SUC10.1/r22",
    "SUC08.1/r11",
    "SUC08.1/r12",
    "SUC08.1/r14",
    "SUC08.1/r15",
    "SUC08.1/r16",
    "SUC08.1/r17",
)
@pytest.mark.parametrize(
    ("up", "down", "lights", "status"),
    [
        (8.0, -2.0, (Colour.GREEN, Colour.YELLOW), Status.VALIDATED),
        (3.0, 0.0, (Colour.YELLOW, Colour.RED), Status.VALIDATED),
        (0.0, 0.0, (Colour.RED, Colour.RED), Status.REFUSED),
    ],
)
def test_lights_follow_from_validated_powers(
    up: float, down: float, lights: tuple[Colour, Colour], status: Status
) -> None:
    found = validated(up, down)
    assert found.lights == lights
    assert found.status is status


@covers("SUC10.1/r01", "SUC10.1/r08", "SUC10.1/r09", "SUC10.1/43", "SUC08.1/r07")
@pytest.mark.parametrize(
    ("given_as", "said"),
    [
        ({"down_kw": 5.0}, "written as a negative number"), ({"up_kw": -1.0}, "below 0"), ({"kind": "storage"}, "none of consumption"),
        ({"up_kw": 0.0, "down_kw": 0.0}, "no power"), ({"up_kw": 25.0}, "more than its nominal"), ({"nominal_kw": 0.0}, "not above 0"),
        ({"latitude": 99.0}, "globe"), ({"bsp": "bsp-2"}, "registers a point of bsp-2"),
    ],
)  # fmt: skip
def test_bad_registrations_are_refused_with_the_reason(given_as: dict[str, object], said: str) -> None:
    with pytest.raises(RegisterError, match=said):
        register.registered(point(**given_as), "bsp-1")


def test_a_bsp_cannot_register_what_only_others_may_write() -> None:
    smuggled = point(status=Status.COMPLETED, validated_up_kw=8.0, grid_element=ELEMENT, tso_perimeter="UVAM-1")
    found = register.registered(smuggled, "bsp-1")
    assert found.status is Status.REGISTERED
    assert not found.grid_element
    assert not found.tso_perimeter
    assert found.validated_up_kw == 0


@covers("SUC10.1/r13", "SUC10.1/r20", "SUC08.1/r18", "SUC08.1/r19")
def test_nobody_skips_a_stage_or_acts_for_another() -> None:
    fresh = register.registered(point(), "bsp-1")
    with pytest.raises(RegisterError, match="it is registered"):
        register.validated(fresh, "dso-1", grid_element=ELEMENT, up_kw=8, down_kw=-5, treatment="as metered")
    with pytest.raises(RegisterError, match="dso-2 may not take up"):
        register.taken_up(fresh, "dso-2")
    with pytest.raises(RegisterError, match="one can complete"):
        register.completed(fresh, "tso", "tso", tso_perimeter="U", market_zone="Sud")
    with pytest.raises(RegisterError, match="not completed"):
        register.pooled("p", "bsp-1", [validated()], ["global"])
    with pytest.raises(RegisterError, match="point of bsp-1"):
        register.pooled("p", "bsp-2", [complete()], ["global"])


def test_more_than_offered_is_never_validated() -> None:
    with pytest.raises(RegisterError, match="more power is admitted"):
        validated(up_kw=9.0)


@covers("SUC10.1/r18", "SUC08.1/r22", "SUC08.3/r21")
@pytest.mark.parametrize(
    ("by", "role", "change", "said"),
    [
        ("bsp-1", "bsp", {"validated_up_kw": 8.0}, "a bsp may not write validated_up_kw"),
        ("dso-1", "dso", {"up_kw": 1.0}, "a dso may not write up_kw"),
        ("tso", "tso", {"grid_element": ELEMENT}, "a tso may not write grid_element"),
        ("bsp-2", "bsp", {"up_kw": 1.0}, "may not change a point of bsp-1"),
        ("dso-2", "dso", {"validated_up_kw": 1.0}, "network of dso-1"),
        ("lfmo", "lfmo", {"up_kw": 1.0}, "may not write"),
    ],
)
def test_each_party_writes_its_own_fields(by: str, role: str, change: dict[str, object], said: str) -> None:
    with pytest.raises(RegisterError, match=said):
        register.changed(complete(), by, role, change)


@covers("SUC10.1/r10")
def test_a_change_of_powers_needs_validation_again_and_unqualifies_pools() -> None:
    pool = register.pooled("p", "bsp-1", [complete()], ["global", "local"])
    pool = register.qualified(pool, "tso", "global", passed=True)
    again = register.changed(complete(), "bsp-1", "bsp", {"up_kw": 9.0})
    assert again.status is Status.REGISTERED
    assert again.version > complete().version
    found = register.after_change(pool, again)
    assert found.points == ()
    assert set(found.services.values()) == {Qualification.ASKED}


def test_a_dso_s_change_keeps_the_point_to_be_completed_again() -> None:
    found = register.changed(complete(), "dso-1", "dso", {"validated_up_kw": 4.0})
    assert found.status is Status.VALIDATED
    assert found.lights[0] is Colour.YELLOW


@covers("SUC08.1/r24")
def test_only_the_responsible_operator_qualifies() -> None:
    pool = register.pooled("p", "bsp-1", [complete()], ["global"])
    with pytest.raises(RegisterError, match="a tso does"):
        register.qualified(pool, "dso", "global", passed=True)
    with pytest.raises(RegisterError, match="nobody asked"):
        register.qualified(pool, "dso", "local", passed=True)


@covers("SUC10.1/r11")
def test_who_sees_what() -> None:
    mine = complete()
    assert register.may_see(mine, "bsp-1", "bsp")
    assert register.may_see(mine, "dso-1", "dso")
    assert register.may_see(mine, "tso", "tso")
    assert not register.may_see(mine, "bsp-2", "bsp")
    assert not register.may_see(mine, "dso-2", "dso")
    assert not register.may_see(mine, "dso-1", "bsp")


def test_a_withdrawn_point_cannot_be_changed() -> None:
    gone = register.withdrawn(complete(), "bsp-1")
    with pytest.raises(RegisterError, match="withdrawn"):
        register.changed(gone, "bsp-1", "bsp", {"up_kw": 1.0})


@covers("SUC08.1/r09", "SUC08.1/r10")
def test_grid_element_codes_are_read_as_written() -> None:
    assert read_grid_element(ELEMENT) == GridElement(EIC, "058091", "0012", "_CS")
    assert read_grid_element(ELEMENT).code == ELEMENT


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("short", "has 5 characters"), (ELEMENT.replace("_CS", "_XX"), "none of _CS, _AG"), (ELEMENT.replace("A450", "A451"), "check character is 0"),
        (ELEMENT.replace("058091", "O58091"), "six digits"), (ELEMENT.replace("0012_", "00a2_"), "four digits"), (ELEMENT.replace("10X", "10Y"), "type Y"),
    ],
)  # fmt: skip
def test_wrong_codes_name_what_is_wrong(code: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_grid_element(code)


@given(
    st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=12, max_size=12), st.integers(0, 11), st.integers(1, 35)
)
def test_a_mistyped_character_never_passes(middle: str, place: int, shift: int) -> None:
    first = f"10X{middle}"
    code = first + eic_check_character(first)
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    wrong = letters[(letters.index(middle[place]) + shift) % 36]
    mistyped = code[: 3 + place] + wrong + code[4 + place :]
    assert mistyped == code or eic_fault(mistyped, "X")


def test_versions_count_every_change() -> None:
    assert [p.version for p in (register.registered(point(), "bsp-1"), validated(), complete())] == [1, 3, 4]
