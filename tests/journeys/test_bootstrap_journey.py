"""The bootstrap on a machine with Python 3.11 and nothing else, without installing anything again for a test."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def dev(tmp_path, monkeypatch):
    """The bootstrap script, pointed at an environment of its own, with its commands recorded instead of run."""
    monkeypatch.setenv("COFLEX_VENV", str(tmp_path / "venv"))
    spec = importlib.util.spec_from_file_location("dev", ROOT / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.commands = []
    module.codes = {}

    def recorded(command, quiet=False, folder=None):
        module.commands.append(command)
        return next((code for word, code in module.codes.items() if word in " ".join(command)), 0)

    def environment(path, with_pip):
        module.PYTHON.parent.mkdir(parents=True)
        module.PYTHON.touch()

    monkeypatch.setattr(module, "run", recorded)
    monkeypatch.setattr(module.venv, "create", environment)
    return module


def words(command):
    return " ".join(command)


def test_the_first_run_installs_the_lock_with_hashes_then_the_project_then_runs(dev):
    assert dev.main(["run"]) == 0
    uv, lock, project, run = map(words, dev.commands)
    assert dev.UV in uv
    assert "--require-hashes -r" in lock
    assert lock.endswith("requirements.lock")
    assert "--no-deps -e" in project
    assert run.endswith("coflex run district-day")


def test_the_second_run_only_runs(dev):
    dev.main(["run"])
    dev.commands.clear()
    dev.main(["run", "--seed", "3"])
    (run,) = map(words, dev.commands)
    assert run.endswith("coflex run district-day --seed 3")


def test_a_changed_lock_installs_again(dev, monkeypatch):
    dev.main(["install"])
    dev.commands.clear()
    monkeypatch.setattr(dev, "fingerprint", lambda: "another")
    dev.main(["install"])
    assert any("--require-hashes" in command for command in dev.commands)


def test_without_uv_pip_installs(dev):
    dev.codes["uv=="] = 1
    assert dev.main(["install"]) == 0
    assert all("uv" not in Path(command[0]).name for command in dev.commands)
    assert any("--require-hashes" in command for command in dev.commands)


def test_where_uv_fails_pip_tries_once_more(dev):
    dev.codes["bin/uv pip install"] = 1
    assert dev.main(["install"]) == 0
    assert sum("--require-hashes" in command for command in dev.commands) == 2


def test_an_installation_that_fails_is_said_and_not_remembered(dev, capsys):
    dev.codes["--require-hashes"] = 1
    assert dev.main(["run"]) == 2
    assert "error: the installation failed" in capsys.readouterr().err
    assert not dev.STAMP.exists()


@pytest.mark.parametrize(
    ("arguments", "ending"),
    [
        (["run", "mine.yaml", "--seed", "2"], "coflex run mine.yaml --seed 2"),
        (["run", "--no-twin"], "coflex run district-day --no-twin"),
        (["test", "-x"], "-m pytest -x"),
        (["coflex", "usecases"], "coflex usecases"),
    ],
)
def test_a_task_is_the_command_behind_it(dev, arguments, ending):
    dev.main(arguments)
    assert words(dev.commands[-1]).endswith(ending)


def test_another_python_is_refused_in_words(dev, monkeypatch, capsys):
    monkeypatch.setattr(dev, "NEEDED", (3, 99))
    assert dev.main(["run"]) == 2
    assert f"this is Python {sys.version_info[0]}.{sys.version_info[1]}" in capsys.readouterr().err
    assert dev.commands == []


def test_an_unknown_task_is_refused_and_no_task_shows_the_help(dev, capsys):
    assert dev.main(["rum"]) == 2
    assert "there are: run, test, coflex, install" in capsys.readouterr().err
    assert dev.main([]) == 0
    assert "python3.11 dev.py run" in capsys.readouterr().out


def test_coverage_is_an_option_of_the_tests(dev):
    measured = dev.command_for("test", ["--cover", "-n", "2"])
    assert measured[measured.index("-m") + 1] == "slipcover"
    assert measured[-3:] == ["pytest", "-n", "2"]
    assert dev.command_for("test", ["-n", "2"])[1:] == ["-m", "pytest", "-n", "2"]


def test_the_script_needs_no_package():
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(ROOT / "dev.py"), "--help"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0
    assert "Python 3.11" in done.stdout


def test_the_lock_pins_and_hashes_everything_and_names_no_host():
    text = (ROOT / "requirements.lock").read_text()
    entries = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(entries) > 60
    assert all("==" in line and line.endswith("\\") for line in entries)
    assert text.count("--hash=sha256:") >= len(entries)
    assert "http" not in text
    assert "index-url" not in text
    for name in ("mesa==3.3.1", "pandapower==3.5.6", "pytest==9.2.0"):
        assert any(line.startswith(f"{name} ") for line in entries)
