"""The laws of conformance over every shipped run: clean, mutation law, provenance.

Runs come from the session fixture ``run_folders`` (folders of runs); where the suite has none, the synthetic day stands in for them.
"""

import pytest

from environment.messages import digest_rows
from experiments.conformance import check, union
from experiments.conformance.mutations import check_law, restricted, samples
from experiments.conformance.provenance import check_provenance
from experiments.usecases import usecase


@pytest.fixture(scope="session")
def runs(request, journal_day):
    """Tables of every run, by name."""
    try:
        folders = request.getfixturevalue("run_folders")
    except pytest.FixtureLookupError:
        return {"synthetic": journal_day}
    from experiments.results import open_run

    return {str(folder): open_run(folder).tables for folder in folders}


def test_no_step_is_broken_and_nothing_is_unmatched(runs):
    for name, tables in runs.items():
        for suc, case in check(tables, digest_rows=digest_rows).usecases.items():
            assert not case.broken, (name, suc, case.broken[:5])
            assert case.unmatched == 0, (name, suc)


def _steps(scenario, count):
    return [f"{scenario}.{number}" for number in range(1, count + 1)]


def test_every_step_of_the_routes_is_made(runs):
    whole = union([check(tables) for tables in runs.values()]).usecases
    routes = {"SUC05.1": [*"12345678", "2.1", "2.2", "2.3", "2.4"], "SUC06.1": _steps("1", 9) + _steps("2", 9), "SUC06.2": _steps("1", 8),
              "SUC06.3": _steps("1", 7) + _steps("2", 6), "SUC02.1": _steps("1", 16) + _steps("2", 9),
              "SUC03.1": ["1.1", "1.2", "2.1", "2.2", *_steps("3", 4), *_steps("4", 3)], "SUC03.2": ["1a", "2a", "1b", "2b", "3", "4", "5"]}  # fmt: skip
    routes["SUC05.2"] = _steps("1", 13)
    whole_cases = [
        "SUC13.1",
        *(f"SUC{number}" for number in ("08.1", "08.2", "08.3", "08.4", "10.1", "10.2", "10.3", "10.4")),
    ]
    routes |= {suc: [step.id for step in usecase(suc).steps] for suc in whole_cases}
    for suc, steps in routes.items():
        assert set(steps) <= set(whole[suc].made), (suc, set(steps) - set(whole[suc].made))


def test_mutation_law(runs):
    for name, tables in runs.items():
        for conversation in samples(tables):
            assert check_law(restricted(tables, frozenset({conversation})), digest_rows) == {}, (name, conversation)


def test_numbers_come_from_their_tables(runs, market_tables):
    """The synthetic day carries no amounts; the hand-worked market stands in for it."""
    for name, tables in runs.items():
        assert check_provenance(market_tables if name == "synthetic" else tables) == {}, name


def test_excused_steps_are_not_made(runs):
    for case in union([check(tables) for tables in runs.values()]).usecases.values():
        assert not {one.step for one in case.excused} & set(case.made)
