"""One run of a sweep where it is done: plain data in, Parquet bytes or an error out. Imported by workers, local or of a cluster."""

import gc
import io
import math
import os
import threading
import time
import traceback
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.assembly.history import Histories

for _threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")

FIGURES = "figures"
GARBAGE_MB = 32.0
"""Growth of a worker's memory from which what runs have left is collected."""
TASK = "experiments.sweep.worker:simulate"
_ONE_AT_A_TIME = threading.Lock()
"""A worker of a cluster may have threads; runs in one process go one after the other."""


@dataclass(frozen=True)
class Job:
    """What a worker needs for one run.

    Attributes:
        number: of the run.
        content: the scenario as plain data.
        seed: of all chance.
        keys: columns that name the run in every table: run, point, seed, factors.
        figures: to keep; empty for all.
        tables: to keep beside them.
        twin: whether the run has its twin.
        task: the function that does the work, ``module:name``.
    """

    number: int
    content: dict[str, Any]
    seed: int
    keys: dict[str, Any]
    figures: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    twin: bool = True
    task: str = TASK


@dataclass(frozen=True)
class Outcome:
    """What became of a run.

    Attributes:
        number: of the run.
        files: Parquet bytes by table name; empty when the run failed.
        error: one line; empty when it did not fail.
        trace: where it failed.
        wall_s: seconds in the worker.
        cpu_s: processor seconds of it.
        memory_mb: resident memory of the worker after the run.
        worker: the process.
    """

    number: int
    files: dict[str, bytes] = field(repr=False, default_factory=dict)
    error: str = ""
    trace: str = field(repr=False, default="")
    wall_s: float = 0.0
    cpu_s: float = 0.0
    memory_mb: float = 0.0
    worker: int = 0


class _Memory:
    """What a process holds between runs, kept from growing with their number.

    A world is a ring of objects, and what was there when it began is never looked at by the collector of itself (``garbage_left_alone``).
    To look at everything takes a tenth of a second, so it is done when memory has grown by much.
    """

    def __init__(self) -> None:
        self._least_mb = math.inf

    def after_run(self) -> float:
        """Resident memory [MB], collected where it has grown."""
        now_mb = resident_mb()
        if now_mb > self._least_mb + GARBAGE_MB:
            gc.collect()
            now_mb = self._least_mb = resident_mb()
        self._least_mb = min(self._least_mb, now_mb)
        return now_mb


_MEMORY = _Memory()


def do(job: Job) -> Outcome:
    """Do a run; an error in it is an outcome, not an error of the worker."""
    module, _, name = job.task.partition(":")
    files: dict[str, bytes] = {}
    error = trace = ""
    with _ONE_AT_A_TIME:
        begun, used = time.perf_counter(), time.process_time()
        try:
            files = getattr(import_module(module), name)(job)
        except Exception as fault:
            lines = str(fault).splitlines() or ["no reason given"]
            error, trace = f"{type(fault).__name__}: {'; '.join(lines)}", traceback.format_exc()
        wall_s, cpu_s = time.perf_counter() - begun, time.process_time() - used
        memory_mb = _MEMORY.after_run()
    return Outcome(job.number, files, error, trace, wall_s, cpu_s, memory_mb, os.getpid())


def simulate(job: Job) -> dict[str, bytes]:
    """The tables of one run: figures of it and of its twin, and what else is to be kept."""
    from experiments.run import live_scenario
    from experiments.sweep.design import scenario_of

    lived = live_scenario(scenario_of(job.content), seed=job.seed, twin=job.twin, histories=_histories()).whole
    names = job.figures or tuple(lived.figures)
    twin = lived.twin_figures or {}
    rows = {
        "figure": list(names),
        "value": [lived.figures[name] for name in names],
        "twin_value": [twin.get(name) for name in names],
    }
    files = {FIGURES: parquet(job, rows)}
    for name in job.tables:
        if name in lived.tables:
            files[name] = parquet(job, lived.tables[name])
    return files


@lru_cache(1)
def _histories() -> "Histories":
    """The histories that this process has lived."""
    from experiments.assembly.history import Histories

    return Histories()


def parquet(job: Job, columns: Any) -> bytes:
    """A table with the columns that name the run before its own, as the bytes of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if isinstance(columns, dict):
        numbers = {"value": pa.float64(), "twin_value": pa.float64()}
        columns = pa.table({name: pa.array(values, numbers.get(name)) for name, values in columns.items()})
    keys = [(name, pa.repeat(pa.scalar(value), columns.num_rows)) for name, value in job.keys.items()]
    own = [(name, columns.column(name)) for name in columns.column_names if name not in job.keys]
    names, arrays = zip(*keys, *own, strict=True)
    out = io.BytesIO()
    pq.write_table(pa.table(list(arrays), names=list(names)), out, compression="zstd")
    return out.getvalue()


def resident_mb() -> float:
    """Resident memory of this process [MB]; its peak where the system does not tell the present one."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - Path.read_text is no shorter
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, ValueError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
