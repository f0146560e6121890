"""What a sweep costs beside its runs, how much faster two workers are, and whether an interrupted sweep ends in the same tables.

Everything is measured on the command that a user types, in processes of its own. Processor time of a command is that of all its processes: the leader, the server
that workers are forked from, and the workers. What is more than the runs themselves took is overhead. The clock only tells something
where nothing else is at work, so the load is told beside it.

    python -m experiments.benchmarks.sweeps 40           # overhead and speed-up, of so many runs
    python -m experiments.benchmarks.sweeps 1000 again   # interrupted ten times at random, and once at a stretch
"""

import ctypes
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import yaml

from experiments.sweep.results import query

COMMAND: Final = (sys.executable, "-c", "from experiments.cli import main; main()", "sweep")
SEEDS: Final = 8
VILLAGE: Final = {"people.0.homes.count": 24, "clock.history_days": 7, "grid.transformer_rating_factor": 0.25}
"""A day of a third of the village, with market and twin: some 3 s of processor time."""
HAMLET: Final = {
    "name": "hamlet", "clock": {"start": "2016-01-19", "days": 1, "history_days": 1, "lead_h": 0, "tail_h": 1},
    "place": {"city": "Rome", "weather": "nsrdb-2019"}, "grid": {"network": "simbench/1-LV-rural1--0-sw", "scada": {"period_s": 900}},
    "people": [{"homes": {"count": 2, "tariff": "it-flat-2025", "contracted_kw": 4.5}, "devices": {"ev": "50%"}}],
    "actors": {}, "coordination": False,
}  # fmt: skip
"""The shortest day that can be lived: two homes without a market, some 0.3 s."""
CUTS: Final = {signal.SIGINT: 4, signal.SIGTERM: 2, signal.SIGKILL: 4}
"""How a sweep is interrupted, and how often."""
_BECOME_SUBREAPER: Final = 36
"""PR_SET_CHILD_SUBREAPER of Linux: processes whose parent has ended become ours, so that their time can be asked for."""


class Cost(NamedTuple):
    """What a command took.

    Attributes:
        workers: how many.
        runs: done.
        run_cpu_s: processor seconds of one run, the mean.
        runs_cpu_s: of all runs.
        all_cpu_s: of all processes of the command.
        overhead_percent: what is not runs, of the runs.
        wall_s: on the clock.
        busy_percent: part of the clock's time during which workers were in a run.
        load: average of the last minute when it ended.
    """

    workers: int
    runs: int
    run_cpu_s: float
    runs_cpu_s: float
    all_cpu_s: float
    overhead_percent: float
    wall_s: float
    busy_percent: float
    load: float


def sweep_file(folder: Path, runs: int, *, short: bool) -> Path:
    """A sweep of so many runs over the share of homes with a car."""
    seeds = min(SEEDS, max(1, runs // 2))
    said: dict[str, Any] = {"scenario": "district-short", "set": VILLAGE}
    if short:
        (folder / "hamlet-scenario.yaml").write_text(yaml.safe_dump(HAMLET), encoding="utf-8")
        said = {"scenario": "hamlet-scenario.yaml", "twin": False}
    levels = max(2, runs // seeds)
    said |= {"factors": {"ev": {"key": "people.0.devices.ev", "range": [0, 1], "steps": levels}}, "seeds": seeds}
    file = folder / "bench.yaml"
    file.write_text(yaml.safe_dump(said), encoding="utf-8")
    return file


def command_cost(file: Path, out: Path, workers: int) -> Cost:
    """Do a sweep and measure it; only on Linux, and while this process has no other children."""
    ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1, 0, 0, 0)
    before, begun = _children_cpu_s(), time.perf_counter()
    with subprocess.Popen(
        [*COMMAND, str(file), "--workers", str(workers), "--out", str(out)], stdout=subprocess.PIPE
    ) as process:
        process.communicate()
    wall_s = time.perf_counter() - begun
    if process.returncode:
        msg = f"the sweep ended with code {process.returncode}"
        raise RuntimeError(msg)
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            break
    all_cpu_s = _children_cpu_s() - before
    ((runs, cpu_s, busy_s),) = query(out, "select count(*), sum(cpu_s), sum(wall_s) from times").rows
    return Cost(
        workers, runs, cpu_s / runs, cpu_s, all_cpu_s, 100.0 * (all_cpu_s - cpu_s) / cpu_s, wall_s, 100.0 * busy_s / (workers * wall_s),
        os.getloadavg()[0],
    )  # fmt: skip


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def costs(runs: int) -> dict[str, Any]:
    """One worker and two, in turns; a sweep that has nothing left to do; and how often two are as fast as one."""
    with TemporaryDirectory() as name:
        file = sweep_file(Path(name), runs, short=False)
        one, two = (command_cost(file, Path(name) / f"{workers}", workers) for workers in (1, 2))
        again = command_cost(file, Path(name) / "1", 1)
    return {
        "one_worker": one._asdict(), "two_workers": two._asdict(), "nothing_left_cpu_s": again.all_cpu_s, "speed_up": one.wall_s / two.wall_s,
    }  # fmt: skip


def interrupted(runs: int, workers: int = 2, seed: int = 1) -> dict[str, Any]:
    """A sweep of short runs that is interrupted ten times at random, by Ctrl-C, a request to end and a kill, against one at a stretch.

    Returns:
        runs, how and after how many runs it was interrupted, digests of both, whether they are the same, memory of workers of the one at
        a stretch (of first and last fiftieth of its runs, and the most).
    """
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # where it is ignored (a job in the background) the sweep would inherit that
    chance, cuts = random.Random(seed), []
    signals = [one for one, times in CUTS.items() for _ in range(times)]
    chance.shuffle(signals)
    with TemporaryDirectory() as name:
        file = sweep_file(Path(name), runs, short=True)
        out, whole = Path(name) / "cut", Path(name) / "whole"
        for number, one in enumerate(signals):
            wanted = (number + chance.random()) * runs / (len(signals) + 1)
            with subprocess.Popen(
                [*COMMAND, str(file), "--workers", str(workers), "--out", str(out)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as process:
                while process.poll() is None and _done(out) < max(wanted, 1.0):
                    time.sleep(0.05 + 0.1 * chance.random())
                process.send_signal(one)
            cuts.append((one.name, _done(out)))
            sys.stderr.write(f"{cuts[-1]}\n")
        digests = [_digest(file, folder, workers) for folder in (out, whole)]
        memory_mb = query(whole, "select memory_mb from times").column("memory_mb")
    few = max(1, len(memory_mb) // 50)
    return {
        "runs": runs, "cuts": cuts, "digests": digests, "same": digests[0] == digests[1],
        "memory_mb": {"first": sum(memory_mb[:few]) / few, "last": sum(memory_mb[-few:]) / few, "most": max(memory_mb)},
    }  # fmt: skip


def _done(out: Path) -> int:
    return sum(1 for one in (out / "runs").glob("[0-9]*")) if out.is_dir() else 0


def _digest(file: Path, out: Path, workers: int) -> str:
    said = subprocess.run(
        [*COMMAND, str(file), "--workers", str(workers), "--out", str(out), "--format", "json"],
        stdout=subprocess.PIPE,
        check=True,
    )
    return str(json.loads(said.stdout)["digest"])


def main() -> None:
    """Measure: the number of runs, and ``again`` for the interrupted sweep, with two workers or as many as are said."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    found = interrupted(runs, *map(int, sys.argv[3:4])) if sys.argv[2:3] == ["again"] else costs(runs)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
