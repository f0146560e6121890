"""From a fresh clone to a running coflex: needs Python 3.11 and nothing else.

    python3.11 dev.py run [SCENARIO] [OPTIONS]    install what is needed, then: coflex run district-day
    python3.11 dev.py test [PYTEST OPTIONS]       install what is needed, then run the tests
    python3.11 dev.py test --cover [OPTIONS]      the same, and print which lines they reach (some twenty seconds longer a worker)
    python3.11 dev.py coflex ARGUMENTS            any command of coflex
    python3.11 dev.py install                     only install

Everything is installed into the folder .venv beside this file (or the one that COFLEX_VENV names), in the exact versions of
requirements.lock, checked by their hashes. Nothing is installed again until that file or pyproject.toml changes.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = Path(os.environ.get("COFLEX_VENV", ROOT / ".venv")).resolve()
LOCK = ROOT / "requirements.lock"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
PIP_INSTALL = [str(PYTHON), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
STAMP = VENV / "coflex-installed"
UV = "uv==0.13.9"  # installs in seconds what pip installs in a minute or two; pip does when it cannot be had
COVERED = "agents,data,environment,experiments,markets,dashboard"
ENOUGH = "20000"  # passes of a line before slipcover looks for what it has seen, which takes it long (workers: tests/conftest.py)
NEEDED = (3, 11)


class BootstrapError(Exception):
    """What stands in the way, and the way out."""


def main(arguments: list[str]) -> int:
    """Install if needed, then do what was asked; returns the exit code."""
    if not arguments or arguments[0] in {"-h", "--help"}:
        sys.stdout.write((__doc__ or "").strip() + "\n")
        return 0
    task, rest = arguments[0], arguments[1:]
    try:
        command = command_for(task, rest)
        check_python()
        install()
        return run(command, folder=ROOT if task == "test" else None) if command else 0
    except BootstrapError as error:
        say(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        return 130


def command_for(task: str, rest: list[str]) -> list[str]:
    """The command line behind a task.

    Raises:
        BootstrapError: no such task.
    """
    if task == "run":
        named = bool(rest) and not rest[0].startswith("-")
        return [str(BIN / "coflex"), "run", *([] if named else ["district-day"]), *rest]
    if task == "test":
        measure = (
            ["-m", "slipcover", "--source", COVERED, "--skip-covered", "--threshold", ENOUGH]
            if "--cover" in rest
            else []
        )
        return [str(PYTHON), *measure, "-m", "pytest", *(word for word in rest if word != "--cover")]
    if task == "coflex":
        return [str(BIN / "coflex"), *rest]
    if task == "install":
        return []
    msg = f"unknown task '{task}'; there are: run, test, coflex, install"
    raise BootstrapError(msg)


def check_python() -> None:
    """The versions in the lock are those for one Python.

    Raises:
        BootstrapError: this is another one.
    """
    if sys.version_info[:2] != NEEDED:
        found = ".".join(map(str, sys.version_info[:2]))
        msg = f"this is Python {found}; coflex needs 3.11: run it as python3.11 dev.py"
        raise BootstrapError(msg)


def fingerprint() -> str:
    """What the installation depends on: the locked versions, the project's own metadata, and where it lies."""
    parts = (LOCK.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), str(ROOT).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def install() -> None:
    """Bring the environment to the locked versions; at once done when it is there already."""
    wanted = fingerprint()
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted:
        return
    if not PYTHON.exists():
        say(f"making an environment in {VENV}")
        venv.create(VENV, with_pip=True)
    installing = fast_installer()
    say("installing the locked versions (a minute or two the first time)")
    for what in (["--require-hashes", "-r", str(LOCK)], ["--no-deps", "-e", str(ROOT)]):
        if run([*installing, *what]) != 0 and run([*PIP_INSTALL, *what]) != 0:
            msg = "the installation failed (see above); is the package index reachable?"
            raise BootstrapError(msg)
    STAMP.write_text(wanted)


def fast_installer() -> list[str]:
    """How to install: with uv if it can be had from where pip gets its packages, else with pip."""
    if run([*PIP_INSTALL, UV], quiet=True) == 0:
        return [str(BIN / "uv"), "pip", "install", "--quiet", "--python", str(PYTHON)]
    return PIP_INSTALL


def run(command: list[str], quiet: bool = False, folder: Path | None = None) -> int:
    """Run a command, in a folder or where we are; its exit code."""
    output = subprocess.DEVNULL if quiet else None
    return subprocess.run(command, cwd=folder, stdout=output, stderr=output, check=False).returncode


def say(text: str) -> None:
    """A line about what goes on, on standard error."""
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
