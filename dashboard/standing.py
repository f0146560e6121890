"""Short commands of coflex, answered by one process that stays: the second answer comes in a tenth of the time of the first."""

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock, Timer
from typing import Final

Answer = tuple[int, str, str]
_WORDS: Final = (sys.executable, "-m", "experiments.cli.standing")


class Standing:
    """The process: begun when first asked (or warmed), begun anew when it has ended or takes too long.

    Args:
        words: of the program.
    """

    def __init__(self, words: Sequence[str] = _WORDS) -> None:
        self._words = tuple(words)
        self._process: subprocess.Popen[str] | None = None
        self._lock = Lock()
        atexit.register(self.close)

    def warm(self) -> None:
        """Begin it, without waiting."""
        with self._lock:
            self._begun()

    def ask(self, arguments: Sequence[str], timeout_s: float = 120.0) -> Answer:
        """Run a command: exit code, standard output, standard error.

        Args:
            arguments: the words after ``coflex``.
            timeout_s: after which it is given up, and the process with it.
        """
        with self._lock:
            process = self._begun()
            assert process.stdin is not None
            assert process.stdout is not None
            patience = Timer(timeout_s, process.kill)
            patience.start()
            try:
                process.stdin.write(json.dumps(list(arguments)) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except OSError:
                line = ""
            finally:
                patience.cancel()
            if not line:
                self._end()
                return 2, "", f"coflex {arguments[0]} did not answer"
            code, out, err = json.loads(line)
            return int(code), str(out), str(err)

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _begun(self) -> "subprocess.Popen[str]":
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._process is None:
            self._process = subprocess.Popen(
                self._words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                start_new_session=True,  # Ctrl-C ends the server, and that its input, which ends this
            )
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # what it has not read is of no use any more
                        pipe.close()
            self._process = None


_STANDING = Standing()
warm, coflex = _STANDING.warm, _STANDING.ask
