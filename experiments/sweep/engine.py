"""Who does the runs of a sweep: worker processes of this machine, or a Dask cluster by its address.

An engine takes jobs and hands back one outcome each, in the order in which they end. Workers only compute; whoever calls writes. So no
worker needs the folder, and nothing is half written when one dies.
"""

import gc
import itertools
import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Protocol, Self
from uuid import uuid4

from experiments.errors import CoflexError
from experiments.sweep.worker import Job, Outcome, do

Done = Callable[[Outcome], None]
MEMORY_MB = 1_000.0
"""A local worker that holds more than this after a run is replaced by a fresh one; a shipped day leaves 0.4 to 0.5 GB."""
PRELOAD = "experiments.sweep.preload"
AHEAD = 4
"""Jobs that a cluster is given at once for each of its threads."""


class Engine(Protocol):
    """Does jobs."""

    def __call__(self, jobs: Iterator[Job], done: Done) -> None:
        """Do every job; ``done`` is called with each outcome, in this process."""


class Local:
    """Worker processes of this machine.

    Each has one job at a time, so that a worker that dies takes one run with it and its run is known. Used in a ``with``, the first
    workers are forked from this process, which imports once what all of them need; they serve every sweep up to its end. Later ones, and
    all where this process has threads already (a fork would copy their locks and not them), come from a server that has made these
    imports too: a fresh worker costs milliseconds, not seconds.

    Args:
        workers: how many at once.
        memory_mb: memory after a run above which a worker is replaced.
    """

    def __init__(self, workers: int, memory_mb: float = MEMORY_MB) -> None:
        self.workers, self.memory_mb = workers, memory_mb
        self._hands: list[_Hand] = []
        self._kept = False

    def __enter__(self) -> Self:
        """Have workers ready before anything is computed here."""
        self._kept = True
        if "fork" in multiprocessing.get_all_start_methods() and _alone():
            with _nothing_collected():
                import_module(PRELOAD)
            context = multiprocessing.get_context("fork")
            for _ in range(self.workers if _alone() else 0):
                self._hands.append(_Hand(context, [hand.pipe for hand in self._hands]))
        if not self._hands:
            _warm_up()
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers."""
        self._kept = False
        self._end()

    def __call__(self, jobs: Iterator[Job], done: Done) -> None:
        """Do every job."""
        try:
            for place, job in enumerate(itertools.islice(jobs, self.workers)):
                if place == len(self._hands):
                    self._hands.append(_Hand(_server()))
                self._hands[place].give(job)
            while busy := [hand for hand in self._hands if hand.job]:
                ready = wait([hand.pipe for hand in busy])
                for hand in [one for one in busy if one.pipe in ready]:
                    outcome = hand.take()
                    if outcome.memory_mb > self.memory_mb or not hand.alive:
                        hand.replace(_server())
                    if (following := next(jobs, None)) is not None:
                        hand.give(following)
                    done(outcome)  # after the next job was given: nobody waits for the disk
        finally:
            if not self._kept or any(hand.job for hand in self._hands):
                self._end()

    def _end(self) -> None:
        for hand in self._hands:
            hand.end()
        self._hands = []


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Imports leave nothing to collect, and looking for it takes an eighth of their time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _alone() -> bool:
    """Whether this process has no thread but its main one, as far as can be known; that of the allocator of Arrow is made for forks."""
    tasks = Path("/proc/self/task")
    if threading.current_thread() is not threading.main_thread() or not tasks.is_dir():
        return False
    names = [(task / "comm").read_text("utf-8").strip() for task in tasks.iterdir()]
    return sum(name != "jemalloc_bg_thd" for name in names) == 1


def _warm_up() -> None:
    """Start the server that workers are forked from, so that it imports what a run needs while scenarios are still being checked."""
    if _server().get_start_method() == "forkserver":
        from multiprocessing.forkserver import ensure_running

        with _main_left_alone():
            ensure_running()


def _server() -> Any:
    """Whom processes are started by when this one cannot be forked."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context: Any = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOAD])
    return context


@contextmanager
def _main_left_alone() -> Iterator[None]:
    """A process that is started meanwhile does not run the main script again, which its work does not need.

    It would import the whole command line, and run the user's own script from the beginning where that has no ``if __name__ == "__main__"``.
    """
    main = sys.modules["__main__"]
    hidden: dict[str, Any] = {name: vars(main).pop(name) for name in ("__file__", "__spec__") if name in vars(main)}
    main.__spec__ = None  # asked for by name
    try:
        yield
    finally:
        vars(main).update(hidden)


class _Hand:
    """One worker process and the job it has.

    Args:
        context: how it is started.
        others: ends of pipes of workers before it. A forked worker has copies, and must close them: a pipe is at its end only when nobody holds it.
    """

    def __init__(self, context: Any, others: Iterable[Connection] = ()) -> None:
        self.job: Job | None = None
        self._begin(context, others)

    def _begin(self, context: Any, others: Iterable[Connection] = ()) -> None:
        self.pipe, theirs = context.Pipe()
        copies = (self.pipe, *others) if context.get_start_method() == "fork" else ()
        self.process = context.Process(target=_work, args=(theirs, copies), daemon=True)
        with _main_left_alone(), _undisturbed():
            self.process.start()
        theirs.close()
        self.alive = True

    def give(self, job: Job) -> None:
        self.job = job
        try:
            self.pipe.send(job)
        except OSError:
            self.alive = False  # ``take`` finds the pipe at its end

    def take(self) -> Outcome:
        assert self.job is not None  # only hands with a job are waited for
        job, self.job = self.job, None
        try:
            return self.pipe.recv()  # type: ignore[no-any-return]
        except (EOFError, OSError):
            self.alive = False
            self.process.join(5.0)
            return Outcome(
                job.number, error=f"WorkerDied: {_death(self.process.exitcode)}", worker=self.process.pid or 0
            )

    def replace(self, context: Any) -> None:
        self.end()
        self._begin(context)

    def end(self) -> None:
        self.pipe.close()
        if self.job is not None or not self.alive:
            self.process.terminate()
        self.process.join(5.0)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        hint = " (often: no memory left)" if code == -signal.SIGKILL else ""
        return f"the worker process was ended by signal {signal.Signals(-code).name}{hint}"
    return f"the worker process ended by itself with code {code}"


@contextmanager
def _undisturbed() -> Iterator[None]:
    """An interruption meanwhile comes afterwards, and not to a process that was just forked."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(pipe: Connection, copies: Iterable[Connection]) -> None:
    """The life of a worker: a job, its outcome, the next; it ends when nobody is at the other end of the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever leads the sweep decides what an interruption means
    for copy in copies:
        copy.close()
    while True:
        try:
            job = pipe.recv()
        except (EOFError, OSError):
            return
        outcome = do(job)
        try:
            pipe.send(outcome)
        except OSError:
            return
        del job, outcome


class Cluster:
    """A Dask cluster that runs already.

    Args:
        address: of its scheduler, ``tcp://host:port``.
        timeout_s: how long to wait for the scheduler and for a first worker.
    """

    def __init__(self, address: str, timeout_s: float = 20.0) -> None:
        self.address, self.timeout_s = address, timeout_s
        self._kept: Any = None

    def __enter__(self) -> Self:
        """Reach the cluster before anything is written."""
        self._kept = self._client()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the cluster."""
        self._kept.close()
        self._kept = None

    def __call__(self, jobs: Iterator[Job], done: Done) -> None:
        """Do every job; a job of a worker that is lost is done again by another."""
        from distributed import as_completed

        with nullcontext(self._kept) if self._kept else self._client() as client:
            pending: dict[Any, Job] = {}
            ended = as_completed(loop=client.loop)

            def give(job: Job) -> None:
                future = client.submit(do, job, key=f"coflex-{uuid4().hex}", pure=False)
                pending[future] = job
                ended.add(future)

            try:
                for job in itertools.islice(jobs, AHEAD * sum(client.nthreads().values())):
                    give(job)
                for future in ended:
                    job, fault = pending.pop(future), future.exception() if future.status == "error" else None
                    outcome = (
                        Outcome(job.number, error=f"{type(fault).__name__}: {fault}") if fault else future.result()
                    )
                    if (following := next(jobs, None)) is not None:
                        give(following)
                    done(outcome)
            finally:
                client.cancel(list(pending), force=True)

    def _client(self) -> Any:
        """A connection to a cluster that has workers of this version.

        Raises:
            CoflexError: it cannot be reached, has no workers, or they have another version.
        """
        from distributed import Client

        from experiments.run import versions

        try:
            client = Client(self.address, timeout=self.timeout_s, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            msg = f"the cluster {self.address} cannot be reached ({reason}); start one with: dask scheduler"
            raise CoflexError(msg) from error
        try:
            client.wait_for_workers(1, timeout=self.timeout_s)
        except TimeoutError as error:
            client.close()
            msg = f"the cluster {self.address} has no workers; start some with: dask worker {self.address} --nthreads 1"
            raise CoflexError(msg) from error
        try:
            theirs = client.run(versions)
        except Exception as error:
            client.close()
            msg = f"workers of the cluster {self.address} cannot run coflex ({type(error).__name__}: {error}); install it there"
            raise CoflexError(msg) from error
        own = versions()
        for worker, found in sorted(theirs.items()):
            if other := [
                f"{name} {found.get(name)} there, {own[name]} here" for name in own if found.get(name) != own[name]
            ]:
                client.close()
                msg = f"worker {worker} has other versions, which would mix results: {', '.join(other)}"
                raise CoflexError(msg)
        return client
