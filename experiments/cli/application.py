"""The application: how a command line is taken, and the code it ends with."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from experiments.cli.options import examples
from experiments.cli.output import error_text
from experiments.errors import InterruptedWorkError

EXIT_DONE, EXIT_NO, EXIT_NOT_STARTED, EXIT_INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    name="coflex",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Entry point of the ``coflex`` command."""
    for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(threads, "1")  # small systems: a second thread only adds waiting
    sys.exit(run_cli(sys.argv[1:]))


def run_cli(arguments: Sequence[str]) -> int:
    """Run one command line.

    Args:
        arguments: the words after ``coflex``; ``--debug`` anywhere shows tracebacks.

    Returns:
        Exit code: 0 done, 1 done and the answer is no, 2 could not be started, 130 interrupted.
    """
    words = [word for word in arguments if word != "--debug"]
    try:
        code = typer.main.get_command(app).main(args=words or ["--help"], prog_name="coflex", standalone_mode=False)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except InterruptedWorkError as stop:
        typer.echo(str(stop), err=True)
        return EXIT_INTERRUPTED
    except Exception as error:
        if len(words) < len(arguments):
            raise
        typer.echo(error_text(error), err=True)
        return EXIT_NOT_STARTED
    if code == EXIT_INTERRUPTED:
        typer.echo("interrupted; nothing was written", err=True)
    return code if isinstance(code, int) else EXIT_DONE


@app.callback(
    epilog=examples("coflex run district-day", "coflex usecases SUC06.2")
    + "\n\nExit codes: 0 done, 1 done and the answer is no, 2 could not be started, 130 interrupted."
)
def coflex(
    debug: Annotated[bool, typer.Option("--debug", help="show the traceback of an error")] = False,
) -> None:
    """Coordination rules for flexible energy systems, tried out day by day in a distribution grid."""
