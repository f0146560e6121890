"""Shipped networks are what the tool makes of the pinned packages, byte for byte."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("derive_networks", ROOT / "tools" / "derive_networks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["cigre-mv", "cigre-mv-pv-wind", "cigre-lv", "ieee-33"])
def test_made_again_from_pandapower(tool, name):
    shipped = (ROOT / "data" / "networks" / f"{name}.json").read_text()
    assert tool.text(tool.OTHERS[name][0]()) == shipped


def test_made_again_from_simbench(tool):
    pytest.importorskip("simbench", reason="the extra datagen is not installed")
    shipped = (ROOT / "data" / "networks" / "simbench" / "1-LV-rural1--0-sw.json").read_text()
    assert tool.text(tool.simbench_network("1-LV-rural1--0-sw")) == shipped
