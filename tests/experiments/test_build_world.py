"""From a scenario to a site and its world: who is there, how they are reached, and that the scenario's words arrive."""

import numpy as np
import pytest

from environment.channels import DroppedAcknowledgements, Outage
from experiments.assembly.roles import ROLES, role
from experiments.assembly.world import build_world
from experiments.errors import CoflexError
from experiments.scenario.people import NOBODY
from experiments.scenario.read import ScenarioError


def test_every_role_is_found_by_name():
    assert all(isinstance(role(name), type) for name in ROLES)


def test_a_world_has_its_parties_and_a_twin_only_homes_retailer_and_state(small, small_begun):
    names = {actor.party.name for actor in build_world(small.again(small_begun)).agents}
    without = {actor.party.name for actor in build_world(small_begun.twin()).agents}
    assert without == {"homes", "retailer-1", "state"}
    assert names == without | {"dso-1", "lfmo-1", "gdbn-1", "dpp-1", "fsp-sol", "fsp-mar"}


def test_every_home_has_its_address_and_its_device(small, small_begun):
    directory = build_world(small.again(small_begun)).directory
    for home in small_begun.people.names:
        assert home in directory
        assert directory.addresses[directory.number(f"{home}/der")].device


def test_each_party_sees_the_meters_of_its_mandate_alone(small_begun):
    people = small_begun.people
    for fsp in ("fsp-sol", "fsp-mar"):
        members = {f"{home}/meter" for home, one in zip(people.names, people.fsp, strict=True) if one == fsp}
        assert members
        assert set(small_begun.living.shares[fsp].names) == members
    assert NOBODY in people.fsp


def test_the_steps_of_physics_and_market_must_agree(small):
    with pytest.raises(CoflexError, match="physics_step_s"):
        build_world(small.site(small.scenario(clock__physics_step_s=300, clock__history_days=1)))


def test_what_the_network_does_not_have_is_refused_by_key_before_anybody_lives(small):
    events = [{"from": "14:00", "to": "15:30", "outage_of": "LV1.101 Line 99"}]
    with pytest.raises(ScenarioError, match=r"events\[0\]\.outage_of: unknown .* 'LV1\.101 Line 9'"):
        small.site(small.scenario(events=events))


def test_a_weather_file_that_cannot_be_read_is_refused_by_key(small, tmp_path):
    file = tmp_path / "weather.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(ScenarioError, match=r"place\.weather: .*no column 'time'"):
        small.site(small.scenario(place__weather=str(file)))


def test_a_smaller_transformer_carries_less_and_has_more_impedance(small, small_begun):
    other = small.site(small.scenario(grid__transformer_rating_factor=0.7, clock__history_days=1))
    one, two = small_begun.network, other.network
    np.testing.assert_allclose(two.transformers.sn_mva, 2.0 * one.transformers.sn_mva)
    rows = one.transformers.branch
    np.testing.assert_allclose(two.branches.series[rows], 2.0 * one.branches.series[rows])
    lines = np.setdiff1d(np.arange(len(one.branches)), rows)
    np.testing.assert_array_equal(two.branches.series[lines], one.branches.series[lines])


def test_events_and_faults_reach_the_bus(small):
    faults = [{"party": "fsp-mar", "drop_acknowledgements": 1.0}]
    events = [{"from": "14:00", "to": "15:30", "platform_down": "gdbn"}]
    site = small.site(small.scenario(faults=faults, events=events, clock__history_days=1))
    found = build_world(site).bus._disturbances
    assert {type(one) for one in found} == {Outage, DroppedAcknowledgements}
    outage = next(one for one in found if isinstance(one, Outage))
    assert outage.to_ms - outage.from_ms == 5_400_000


def test_shares_are_met_within_chance(small):
    """600 homes: owners, consent and contracts as asked, within four standard deviations."""
    people = small.site(small.scenario(600, clock__history_days=1)).people
    for share, asked in (
        (people.owns["ev"], 0.6), (people.owns["pv"], 0.3), (people.owns["heat_pump"], 0.33), (people.consent, 0.9),
        (np.array(people.fsp) == NOBODY, 0.2),
    ):  # fmt: skip
        assert abs(np.mean(share) - asked) < 4 * np.sqrt(asked * (1 - asked) / 600)
