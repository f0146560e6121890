"""Fixtures of the tests of experiments."""

import pytest

from tests.experiments import synthetic_run


@pytest.fixture(scope="session")
def synthetic():
    """The builder of a small run (``synthetic_run.py``); what it gives is fresh at every call."""
    return synthetic_run


@pytest.fixture(scope="session")
def synthetic_folder(synthetic, tmp_path_factory):
    """The synthetic run with its twin, on disk; not to be changed."""
    folder = tmp_path_factory.mktemp("synthetic") / "run"
    synthetic.write(folder)
    return folder
