"""Histories: lived once for runs that begin with the same past, and never shared by two that do not."""

from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np
import pytest

from experiments.assembly.history import Histories, digest_of
from experiments.assembly.site import build_site
from experiments.results.digest import digest_tables
from experiments.results.schema import conform
from experiments.scenario import scenario_from
from experiments.sweep import run_sweep
from experiments.sweep.design import changed, plan
from experiments.sweep.file import sweep_from
from experiments.sweep.worker import do
from tests.experiments import sweep_tasks

HOMES = 6
LEAST = {"clock.history_days": 1}


def quiet(*_):
    """No progress."""


def scenario(small, homes=HOMES, **changes):
    """The small scenario with a day of history; ``changes`` by key path."""
    return scenario_from(changed(small.content(homes), LEAST | changes))


@pytest.fixture(scope="module")
def histories(small):
    """Histories of which one was lived: of a small site, with a day of history."""
    found = Histories()
    build_site(scenario(small), 1, quiet, histories=found)
    assert (found.lived, found.shared) == (1, 0)
    return found


@pytest.mark.parametrize(
    "rules",
    [
        {"rules.clearing": "merit-order"},
        {"rules.settlement.penalty_eur_per_kwh": 0.4},
        {"platforms.gdbn.loss": 0.1},
    ],
    ids=lambda rules: next(iter(rules)),
)
def test_runs_that_differ_in_the_market_alone_have_their_past_in_common(small, histories, rules):
    before = histories.shared
    build_site(scenario(small, **rules), 1, quiet, histories=histories)
    assert histories.shared == before + 1


@pytest.mark.parametrize(
    "other",
    [
        {"people.0.devices.ev": 0.9}, {"people.0.override_per_day": 0.7}, {"place.weather": "generated"}, {"homes": 7}, {"seed": 2},
        {"clock.history_days": 2}, {"grid.load_factor": 0.9},
    ],
    ids=lambda other: next(iter(other)),
)  # fmt: skip
def test_runs_that_differ_in_anything_that_lives_do_not(small, histories, other):
    changes = dict(other)
    seed, homes = changes.pop("seed", 1), changes.pop("homes", HOMES)
    asked = Histories()
    asked._ended.update(histories._ended)
    build_site(scenario(small, homes, **changes), seed, quiet, histories=asked)
    assert (asked.lived, asked.shared) == (1, 0)


def test_a_run_is_the_same_bit_for_bit_whoever_lived_its_history_and_the_run_before_left_nothing_behind(small):
    histories = Histories()

    def digests(clearing, shared):
        site = build_site(scenario(small, **{"rules.clearing": clearing}), 1, quiet, histories=shared)
        return digest_tables(conform(small.tables(site, small.live(site)))).exact_digest

    digests("network-aware", histories)
    assert digests("merit-order", histories) == digests("merit-order", None)
    assert (histories.lived, histories.shared) == (1, 1)


def test_what_people_do_is_drawn_once_even_where_their_devices_differ(small, histories, monkeypatch):
    """Whoever draws again would fail."""
    monkeypatch.setattr("environment.people.household._load_kw", None)
    monkeypatch.setattr("environment.people.hot_water._events_kwh", None)
    site = build_site(scenario(small, **{"people.0.devices.ev": 0.9}), 1, quiet, histories=histories)
    assert histories.lived > 1
    with pytest.raises(TypeError, match="not callable"):
        build_site(scenario(small, 7), 1, quiet, histories=histories)
    monkeypatch.undo()
    alone = build_site(scenario(small, **{"people.0.devices.ev": 0.9}), 1, quiet)
    assert site.people.load_kw.tobytes() == alone.people.load_kw.tobytes()
    assert site.people.draw_kw.tobytes() == alone.people.draw_kw.tobytes()


def test_no_more_histories_are_kept_than_asked(small):
    few = Histories(kept=1)
    for seed in (1, 2, 1):
        build_site(scenario(small, 2), seed, quiet, histories=few)
    assert (few.lived, few.shared) == (3, 0)
    assert len(few._ended) == 1


def test_a_life_that_cannot_be_looked_into_is_lived_each_time():
    histories, lived = Histories(), []
    for _ in range(2):
        life = {"draws": (draw for draw in (1, 2))}
        assert histories.after(life, [], None, lambda: lived.append(1)) is life
    assert (len(lived), histories.lived, histories.shared) == (2, 2, 0)


@dataclass
class Thing:
    values: np.ndarray = field(default_factory=lambda: np.arange(5.0))
    more: object = None

    @cached_property
    def total(self):
        return self.values.sum()


def _adder(amount):
    return lambda value: value + amount


def _other_adder(amount):
    return lambda value: value - amount


def test_a_digest_sees_values_types_identities_and_what_functions_enclose():
    nearly = np.arange(5.0)
    nearly[3] = np.nextafter(nearly[3], 9.0)
    pair = [np.zeros(2), np.zeros(2)]
    different = [
        Thing(), Thing(nearly), Thing(np.arange(5)), Thing(np.arange(5.0).reshape(5, 1)), Thing(more=_adder(1)), Thing(more=_adder(2)),
        Thing(more=_other_adder(1)), Thing(more=MappingProxyType({1: 2})), Thing(more=MappingProxyType({1: 3})), Thing(more=np),
        Thing(more=pair), Thing(more=[pair[0], pair[0]]),
    ]  # fmt: skip
    digests = [digest_of(thing) for thing in different]
    assert None not in digests
    assert len(set(digests)) == len(different)
    assert digest_of(Thing(more=_adder(1))) == digests[4]


def test_what_an_object_can_work_out_again_does_not_count():
    asked = Thing()
    assert asked.total == 10.0
    assert digest_of(asked) == digest_of(Thing())


def test_a_sweep_does_the_runs_of_a_seed_one_after_the_other(tmp_path):
    factors = {"ev": {"key": "people.0.devices.ev", "values": ["0%", "20%", "40%"]}}
    design = plan(sweep_from({"name": "order", "scenario": "district-short", "factors": factors, "seeds": 2}))
    order = []

    def engine(jobs, done):
        for job in jobs:
            order.append((job.seed, job.keys["point"]))
            done(do(job))

    run_sweep(design, tmp_path / "sweep", engine, task=sweep_tasks.QUICK)
    assert order == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]
