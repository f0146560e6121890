"""The registry of kinds: names resolved on use, errors that help."""

import subprocess
import sys

import pytest

from environment.devices import DEVICES, device_kind


@pytest.mark.parametrize("name", DEVICES)
def test_a_kind_is_found_by_its_own_name(name):
    assert name == device_kind(name).KIND


def test_an_unknown_kind_is_refused_with_a_hint():
    with pytest.raises(KeyError, match=r"did you mean 'battery'.*water_heater"):
        device_kind("batery")


def test_the_registry_imports_no_kind_before_use():
    code = (
        "import sys, environment.devices as d;"
        "assert not [m for m in d.DEVICES.values() if m in sys.modules];"
        "d.device_kind('ev'); assert 'environment.devices.ev' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
