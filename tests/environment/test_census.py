"""A world starts without the heavy parts of Mesa, and Mesa is whole for whoever wants it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False, timeout=120
    )


def test_a_world_loads_mesa_at_need_and_then_all_of_it():
    done = _python(
        "import sys; from environment.world import Actor, World;"
        "heavy = {'pandas', 'networkx', 'scipy.spatial'} & set(sys.modules);"
        "import mesa;"
        "whole = mesa.DataCollector is not None and mesa.space.MultiGrid is not None and mesa.__version__;"
        "from mesa import Agent, Model;"
        "print(sorted(heavy), bool(whole), issubclass(World, Model), issubclass(Actor, Agent), mesa.model.Model is Model)"
    )
    assert done.stdout == "[] True True True True\n", done.stderr


def test_mesa_that_is_there_already_is_the_one():
    done = _python(
        "import mesa; from environment.world import World;"
        "print(issubclass(World, mesa.Model), hasattr(mesa, 'nothing of that name'))"
    )
    assert done.stdout == "True False\n", done.stderr
