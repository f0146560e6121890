"""The command line in one process, with the library's answers replaced where they take long."""

import json
import os
import sys
from types import SimpleNamespace

import pytest

import experiments.cli.run
from experiments import cli
from experiments.cli import app, run_cli

COMMANDS = (
    "run",
    "replay",
    "compare",
    "bill",
    "diagram",
    "bench",
    "dashboard",
    "scenarios",
    "show",
    "schema",
    "validate",
    "usecases",
    "rules",
    "schemes",
    "size",
    "sweep",
    "study",
    "results",
)


def answer(capsys, *words):
    """Exit code, standard output and standard error of a command line."""
    code = run_cli(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_commands_are_those_of_the_manual():
    assert tuple(command.name or command.callback.__name__ for command in app.registered_commands) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(capsys, command):
    code, out, _ = answer(capsys, command, "--help")
    assert code == 0
    assert "Example" in out
    assert f"coflex {command}" in " ".join(out.split())


@pytest.mark.parametrize("command", sorted({*COMMANDS} - {"dashboard"}))
def test_every_command_answers_in_json_too(capsys, command):
    _, out, _ = answer(capsys, command, "--help")
    assert "--format" in out


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["rum"], "No such command 'rum'. Did you mean 'run'?"),
        (["run"], "Missing argument 'scenario'"),
        (["run", "district-day", "--sed", "1"], "No such option: --sed"),
        (["run", "district-day", "--seed", "x"], "'--seed': Input should be a valid integer"),
        (["run", "district-day", "--seed", "-1"], "Invalid value for '--seed'"),
        (["run", "district-dy"], "unknown scenario 'district-dy'; did you mean 'district-day'?"),
        (["run", "district-day", "--set", "people.0.devices.ev=60"], "'60' is not a share; write 60% or 0.6"),
        (["show", "nowhere.yaml"], "there is no scenario file nowhere.yaml"),
        (["schema", "peple"], "no key begins with 'peple'; did you mean 'people'"),
        (["scenarios", "--format", "xml"], "Invalid value for '--format'"),
        (["usecases", "--rules"], "--rules needs a use case"),
        (["usecases", "--strict"], "--strict judges runs"),
        (["usecases", "SUC99.9"], "SUC99.9"),
        (["usecases", "--run", "/nowhere"], "/nowhere"),
        (["replay", "/nowhere"], "/nowhere"),
        (["compare", "/nowhere", "/nowhere2"], "/nowhere"),
        (["diagram", "/nowhere", "SUC06.2", "--picture", "gif"], "unknown kind of picture 'gif'"),
        (["diagram", "/nowhere", "SUC06.2"], "/nowhere"),
    ],
)  # fmt: skip
def test_what_cannot_be_started_is_one_clear_line_and_exit_code_two(capsys, words, text):
    code, out, err = answer(capsys, *words)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert text in err
    assert err.count("\n") == 1


def test_debug_shows_the_traceback(capsys):
    with pytest.raises(Exception, match="unknown scenario"):
        run_cli(["show", "district-dy", "--debug"])


def test_an_interruption_is_exit_code_130(capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(experiments.cli.run, "run_scenario", interrupted)
    code, out, err = answer(capsys, "run", "district-day")
    assert (code, out) == (130, "")
    assert "interrupted" in err


def test_an_unexpected_fault_is_one_line_too(capsys, monkeypatch):
    monkeypatch.setattr(experiments.cli.run, "run_scenario", lambda *_, **__: 1 / 0)
    code, _, err = answer(capsys, "run", "district-day")
    assert code == 2
    assert "unexpected ZeroDivisionError" in err


def test_scenarios_as_json_have_name_title_and_use_cases(capsys):
    code, out, _ = answer(capsys, "scenarios", "--format", "json")
    listed = json.loads(out)
    assert code == 0
    assert all(set(one) == {"name", "title", "usecases"} for one in listed)
    usecases = {one["name"]: one["usecases"] for one in listed}
    assert usecases["district-day"] == ["SUC05.1", "SUC06.1", "SUC06.2", "SUC06.3"]
    assert usecases["community-day"] == ["SUC02.1"]


def test_show_prints_the_file_and_all_of_it_on_request(capsys):
    _, plain, _ = answer(capsys, "show", "district-day")
    _, complete, _ = answer(capsys, "show", "district-day", "--all")
    assert "# one home in ten" in plain
    assert "acknowledge_within_s: 60" not in plain
    assert "acknowledge_within_s: 60" in complete


def test_show_applies_settings(capsys):
    _, out, _ = answer(capsys, "show", "district-day", "--set", "clock.days=2", "--format", "json")
    assert json.loads(out)["clock"]["days"] == 2


def test_schema_of_a_section_and_of_everything(capsys):
    _, section, _ = answer(capsys, "schema", "clock", "--format", "json")
    assert {key["path"].partition(".")[0] for key in json.loads(section)} == {"clock"}
    _, whole, _ = answer(capsys, "schema", "--format", "json")
    assert json.loads(whole)["additionalProperties"] is False
    _, text, _ = answer(capsys, "schema")
    assert "it-flat-2025" in text
    assert "ieee-33" in text


def test_validate_says_yes_with_zero_and_no_with_one(capsys, tmp_path):
    assert answer(capsys, "validate", "district-day")[:2] == (0, "district-day.yaml: in order\n")
    file = tmp_path / "my.yaml"
    file.write_text("clok: {}\npeople: [{devices: {ev: 60}}]\n")
    code, out, err = answer(capsys, "validate", str(file))
    assert (code, err) == (1, "")
    assert len(out.splitlines()) == 2
    code, out, _ = answer(capsys, "validate", str(file), "--format", "json")
    document = json.loads(out)
    assert (code, document["valid"], len(document["problems"])) == (1, False, 2)


def test_validate_looks_into_shipped_networks(capsys):
    code, out, _ = answer(capsys, "validate", "district-day", "--set", "people.1.mv_plant.bus=MV2.101 Bus 240")
    assert code == 1
    assert "people[1].mv_plant.bus" in out


@pytest.mark.parametrize("text", ["", "# later\n", "---\n", "{}\n", "null\n"])
def test_an_empty_scenario_is_a_mistake_and_not_a_day_of_defaults(capsys, tmp_path, text):
    file = tmp_path / "my.yaml"
    file.write_text(text)
    for words, expected in ((["validate"], 1), (["run", "--out", str(tmp_path / "out")], 2)):
        code, out, err = answer(capsys, words[0], str(file), *words[1:])
        assert code == expected
        assert "my.yaml: the scenario is empty; write what is special about it" in out + err
    assert not (tmp_path / "out").exists()
    file.write_text("title: all defaults\n")
    assert answer(capsys, "validate", str(file))[0] == 0


@pytest.mark.parametrize("step_s", [60, 300])
def test_a_step_other_than_the_interval_traded_is_refused_by_validate_and_run_alike(capsys, tmp_path, step_s):
    file, out = tmp_path / "my.yaml", tmp_path / "out"
    file.write_text(f"clock: {{physics_step_s: {step_s}}}\n")
    told = (
        f"my.yaml: clock.physics_step_s: {step_s} is not the interval_s of product 'congestion-day-ahead', 900; "
        "what is traded is metered: write 900 for both\n"
    )
    assert answer(capsys, "validate", str(file)) == (1, told, "")
    assert answer(capsys, "run", str(file), "--out", str(out)) == (2, "", f"error: {told}")
    assert not out.exists()
    assert answer(capsys, "validate", str(file), "--set", "coordination=false")[0] == 0


def test_validate_reads_a_network_of_ones_own_only_when_asked(capsys, tmp_path):
    (tmp_path / "net.json").write_text("{}")
    (tmp_path / "my.yaml").write_text("grid: {network: net.json}\n")
    assert answer(capsys, "validate", str(tmp_path / "my.yaml"))[0] == 0
    code, out, _ = answer(capsys, "validate", str(tmp_path / "my.yaml"), "--deep")
    assert code == 1
    assert "grid.network" in out


def test_a_folder_that_is_not_empty_is_refused_before_anything_runs(capsys, tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    code, _, err = answer(capsys, "run", "district-day", "--out", str(tmp_path))
    assert code == 2
    assert str(tmp_path) in err
    assert (tmp_path / "letter.txt").read_text() == "dear"


def test_a_folder_that_cannot_be_written_is_refused_before_anything_runs(capsys, tmp_path):
    (tmp_path / "file").write_text("x")
    code, _, err = answer(capsys, "run", "district-day", "--out", str(tmp_path / "file" / "run"))
    assert code == 2
    assert err.startswith("error: ")


def test_a_run_is_printed_as_the_shape_that_scripts_rely_on():
    wall = {"setup": 1.0, "run": 2.0, "twin": 0.5, "write": 0.1}
    result = SimpleNamespace(
        out="runs/x", seed=7, digest="d", exact_digest="e", wall_s=wall, figures={"a": None}, twin_figures={"a": 1.0}
    )
    assert experiments.cli.run.run_data(result) == {
        "out": "runs/x",
        "seed": 7,
        "digest": "d",
        "wall_s": wall,
        "figures": {"a": None},
        "twin": {"figures": {"a": 1.0}},
    }
    result.twin_figures = None
    assert experiments.cli.run.run_data(result)["twin"] is None


def test_the_default_folder_is_the_first_that_is_free(tmp_path):
    assert experiments.cli.run.free_folder(tmp_path, "day-1") == tmp_path / "day-1-1"
    (tmp_path / "day-1-1").mkdir()
    assert experiments.cli.run.free_folder(tmp_path, "day-1") == tmp_path / "day-1-2"


def test_the_entry_point_leaves_with_the_code_and_one_thread_per_library(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["coflex", "rum"])
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2
    assert os.environ["OMP_NUM_THREADS"] == "1"
