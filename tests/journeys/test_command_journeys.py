"""What a person meets who types commands in a terminal: a process of its own each time."""

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

from experiments.scenario.library import scenario_names

ROOT = Path(__file__).resolve().parents[2]
COFLEX = [sys.executable, "-c", "from experiments.cli import main; main()"]


def coflex(*words, folder=None, **settings):
    """A finished process of the command line."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "100", "NO_COLOR": "1"}
    return subprocess.run(
        [*COFLEX, *words],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        check=False,
        timeout=120,
        **settings,
    )


def test_help_lists_the_commands():
    done = coflex("--help")
    assert done.returncode == 0
    for command in ("run", "scenarios", "show", "validate", "usecases", "diagram", "replay", "compare"):
        assert f" {command} " in done.stdout
    assert "130" in done.stdout


def test_help_imports_nothing_heavy():
    """Why it answers at once: 0.2 s on a quiet machine."""
    code = (
        "import sys; from experiments.cli import run_cli; run_cli(['--help']);"
        "heavy = {'numpy', 'pandas', 'pandapower', 'pvlib', 'pydantic', 'pyarrow', 'mesa', 'matplotlib', 'scipy', 'yaml', 'rich'};"
        "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_validate_of_a_shipped_network_imports_no_grid_library():
    code = (
        "import sys; from experiments.cli import run_cli; run_cli(['validate', 'district-day']);"
        "heavy = {'pandas', 'pandapower', 'simbench', 'pvlib', 'pyarrow', 'mesa', 'matplotlib'};"
        "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_without_a_command_the_help_is_shown():
    done = coflex()
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: coflex" in done.stdout


def test_an_error_is_one_line_on_standard_error():
    done = coflex("run", "district-dy")
    assert (done.returncode, done.stdout) == (2, "")
    known = ", ".join(scenario_names())
    assert done.stderr == (
        f"error: unknown scenario 'district-dy'; did you mean 'district-day'? There are: {known}, or the path of a .yaml file\n"
    )


def test_debug_adds_the_traceback():
    done = coflex("--debug", "run", "district-dy")
    assert done.returncode != 0
    assert "Traceback" in done.stderr


def test_writing_ones_own_scenario(tmp_path):
    """Copy the shipped one, make two mistakes, read both in one answer, mend them."""
    written = coflex("show", "district-day", "--all").stdout
    file = tmp_path / "my.yaml"
    file.write_text(written.replace("ev: 60%", "ev: 60").replace("fsp-sol: 45%", "fsp-soll: 45%"))
    wrong = coflex("validate", "my.yaml", folder=tmp_path)
    assert wrong.returncode == 1
    assert wrong.stdout.splitlines() == [
        "my.yaml: people[0].devices.ev: '60' is not a share; write 60% or 0.6",
        (
            "my.yaml: people[0].served_by: unknown flexibility service provider 'fsp-soll'; did you mean 'fsp-sol'? "
            "There are: fsp-mar, fsp-sol, nobody"
        ),
    ]
    file.write_text(written)
    right = coflex("validate", "my.yaml", "--format", "json", folder=tmp_path)
    assert right.returncode == 0
    assert json.loads(right.stdout) == {"file": "my.yaml", "valid": True, "problems": []}


def test_json_on_standard_output_is_one_document():
    done = coflex("show", "district-day", "--format", "json")
    assert json.loads(done.stdout)["title"]
    assert done.stderr == ""


def test_a_folder_in_use_is_refused_at_once(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    done = coflex("run", "district-day", "--out", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_folder_that_cannot_be_made_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    done = coflex("run", "district-day", "--out", str(tmp_path / "file" / "out"))
    assert done.returncode == 2
    assert str(tmp_path / "file") in done.stderr


def test_an_interrupted_run_leaves_nothing_behind(tmp_path):
    """Ctrl-C in the middle of a run: exit code 130, no half-written folder, no traceback."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [*COFLEX, "run", "district-day", "--out", str(tmp_path / "out"), "--set", "clock.days=7"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # background jobs of a shell ignore it
    )
    assert process.stderr is not None
    first = process.stderr.readline()  # the first stage has begun
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, first + err
    assert "Traceback" not in err
    assert out == ""
    assert list(tmp_path.iterdir()) == []
