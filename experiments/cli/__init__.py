"""The command line of coflex: arguments in, text or one JSON document out; the work is done by the library.

Heavy modules are imported by the command that needs them, so that ``coflex --help`` answers at once.
"""

from experiments.cli import commands_runs, commands_scenarios, commands_studies
from experiments.cli.application import app, main, run_cli

__all__ = ["app", "commands_runs", "commands_scenarios", "commands_studies", "main", "run_cli"]
