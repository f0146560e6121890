"""Fixtures of the tests of experiments."""

import importlib.util
from pathlib import Path

import pytest


def _load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def synthetic():
    """The builder of a small run (``synthetic_run.py``); what it gives is fresh at every call."""
    return _load("synthetic_run")


@pytest.fixture(scope="session")
def synthetic_folder(synthetic, tmp_path_factory):
    """The synthetic run with its twin, on disk; not to be changed."""
    folder = tmp_path_factory.mktemp("synthetic") / "run"
    synthetic.write(folder)
    return folder
