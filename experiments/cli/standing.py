"""A coflex that stays: it answers one command line after the other, so that only the first waits for what Python loads.

One question a line of standard input, the words after ``coflex`` as a JSON list; one answer a line of standard output, a JSON list of exit code,
what the command wrote, and what it complained of. It ends with its input. For commands that answer at once; runs have a process of their own.
"""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from typing import Final, TextIO

from experiments.cli import run_cli

WARM: Final = (
    "experiments.scenario",
    "experiments.diagram",
    "experiments.diagram_draw",
    "matplotlib.backends.backend_svg",
)
"""What the commands that are asked most often load."""


def serve(questions: TextIO, answers: TextIO) -> None:
    """Answer until there are no more questions."""
    for name in WARM:
        import_module(name)
    for line in questions:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run_cli(json.loads(line))
        answers.write(json.dumps([code, out.getvalue(), err.getvalue()]) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
