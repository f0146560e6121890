"""All coordination schemes side by side, from Python and by command."""

import json

import pytest
from typer.testing import CliRunner

from experiments.cli import app
from experiments.scenario.library import RULES
from experiments.schemes import Situations, compared, comparison_text

RUN = CliRunner()


@pytest.fixture(scope="module")
def example(tmp_path_factory):  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("schemes") / "day.yaml"
    assert RUN.invoke(app, ["schemes", "--example", str(path)]).exit_code == 0
    return path


def test_every_scheme_sees_the_same_bids(example) -> None:  # type: ignore[no-untyped-def]
    answer = RUN.invoke(app, ["schemes", str(example), "--format", "json"])
    said = json.loads(answer.stdout)
    rows = {row["scheme"]: row for row in said["schemes"]}
    assert list(rows) == list(RULES["coordination"])
    assert rows["common"]["cost_eur"] == pytest.approx(37.0)
    assert rows["common"]["dearer_percent"] == pytest.approx(0.0, abs=1e-6)
    assert rows["central"]["violated"] == ["transformer"]
    assert not rows["central"]["feasible"]
    assert rows["integrated"]["served_kwh"] == pytest.approx(100.0)
    assert said["shares"] == pytest.approx({"tso": 33.0, "dso": 4.0})
    for row in rows.values():
        assert sum(row["by_buyer"].values()) == pytest.approx(row["cost_eur"])
        assert sum(row["by_operator"].values()) == pytest.approx(row["cost_eur"])
    assert rows["common"]["by_operator"] == pytest.approx(said["shares"])


def test_whether_local_activations_count_is_an_option(example) -> None:  # type: ignore[no-untyped-def]
    answer = RUN.invoke(app, ["schemes", str(example), "--set", "counts=false", "--format", "json"])
    rows = {row["scheme"]: row for row in json.loads(answer.stdout)["schemes"]}
    assert rows["fragmented"]["imbalance_left_kwh"] == pytest.approx(40.0)
    assert rows["common"]["imbalance_left_kwh"] == 0


def test_the_table_names_all_schemes_and_warns_of_what_is_not_feasible() -> None:
    text = comparison_text(compared(Situations.model_validate(_tupled(Situations.example))))
    assert all(name in text for name in RULES["coordination"])
    assert "not feasible" in text


def _tupled(value):  # type: ignore[no-untyped-def]
    if isinstance(value, dict):
        return {key: _tupled(one) for key, one in value.items()}
    return tuple(map(_tupled, value)) if isinstance(value, list) else value


@pytest.mark.parametrize(
    "arguments", [["schemes"], ["schemes", "a.yaml", "--example", "b.yaml"], ["schemes", "nowhere.yaml"]]
)
def test_without_one_file_nothing_begins(arguments: list[str]) -> None:
    answer = RUN.invoke(app, arguments)
    assert answer.exit_code != 0
    assert not answer.stdout


def test_an_operator_that_does_not_exist_is_named(example) -> None:  # type: ignore[no-untyped-def]
    answer = RUN.invoke(app, ["schemes", str(example), "--set", "areas.0.operator=tsoo"])
    assert answer.exit_code != 0
    assert "none of the operators tso, dso" in str(answer.exception or answer.output)
