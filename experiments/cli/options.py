"""Options that several commands share, and the examples at the end of a help page."""

from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.output import Format

Formats = Annotated[Format, typer.Option("--format", help="text to read, or one JSON document on standard output")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY.PATH=VALUE", help="change a key of the scenario; may be given again"),
]
Workers = Annotated[int | None, typer.Option(help="runs at once on this machine; all processors if not given", min=1)]
Cluster = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="a Dask scheduler, tcp://host:port, in place of this machine")
]
Example = Annotated[
    Path | None, typer.Option("--example", metavar="FILE", help="write a file that runs, by its suffix")
]
Force = Annotated[bool, typer.Option("--force", help="replace a file that exists")]


def examples(*lines: str) -> str:
    """The end of a help page: examples, a line each."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
