"""Networks by name and from files: what exists is found fast, what does not is refused with help."""

import json
import subprocess
import sys
import types

import pytest

from environment.grid import network as module
from environment.grid.network import NetworkError, available_networks, load_network


def test_what_is_shipped():
    names = available_networks()
    assert {"cigre-lv", "cigre-mv", "ieee-33", "simbench/1-MVLV-semiurb-3.202-0-sw"} <= set(names)
    assert list(names) == sorted(names)


@pytest.mark.parametrize("name", available_networks())
def test_what_is_shipped_loads_and_keeps_its_name(name):
    network = load_network(name)
    assert network.name == name
    assert network.title


def test_loading_imports_no_heavy_library():
    code = (
        "import sys; from environment.grid.network import load_network, available_networks\n"
        "[load_network(name) for name in available_networks()]\n"
        "print([m for m in ('pandapower', 'pandas', 'simbench', 'scipy', 'networkx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cigre-mw", "did you mean 'cigre-mv'"),
        ("1-LV-rural1--0-sw", "did you mean 'simbench/1-LV-rural1--0-sw'"),
        ("IEEE-33", "did you mean 'ieee-33'"),
        ("atlantis", "there are cigre-lv, cigre-mv"),
        ("nowhere/grid.json", "'nowhere/grid.json' does not exist"),
    ],
)
def test_an_unknown_name_is_refused_with_help(name, text):
    with pytest.raises(NetworkError, match="network") as error:
        load_network(name)
    assert text in str(error.value)


def test_another_simbench_code_without_the_package_says_how(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(NetworkError, match=r"pip install 'coflex\[datagen\]'"):
        load_network("simbench/1-LV-rural2--0-sw")


def test_another_simbench_code_with_the_package(monkeypatch):
    asked = []
    net = {"f_hz": 50.0}
    package = types.SimpleNamespace(
        collect_all_simbench_codes=lambda: ["1-LV-rural2--0-sw"],
        get_simbench_net=lambda code: asked.append(code) or net,
    )
    monkeypatch.setitem(sys.modules, "simbench", package)
    monkeypatch.setattr(module, "find_spec", lambda _: True)
    monkeypatch.setattr(module, "from_pandapower", lambda net, name: (net, name))
    assert load_network("simbench/1-LV-rural2--0-sw") == (net, "simbench/1-LV-rural2--0-sw")
    assert asked == ["1-LV-rural2--0-sw"]
    with pytest.raises(NetworkError, match="did you mean '1-LV-rural2--0-sw'"):
        load_network("simbench/1-LV-rurall2--0-sw")


@pytest.mark.parametrize(
    ("content", "text"),
    [("not json", "is not JSON"), ("[1]", "expected a JSON object"), ('{"a": 1}', "not saved by pandapower.to_json")],
)
def test_files_that_are_no_network(tmp_path, content, text):
    path = tmp_path / "grid.json"
    path.write_text(content)
    with pytest.raises(NetworkError, match=text):
        load_network(path)


def test_a_file_in_the_plain_form_is_named_after_its_file_if_it_has_no_name(tmp_path, chain_tables):
    plain = chain_tables(3)
    del plain["name"]
    path = tmp_path / "village.json"
    path.write_text(json.dumps(plain))
    assert load_network(path).name == "village"


def test_points_and_sums(network_named):
    network = network_named("simbench/1-LV-rural1--0-sw")
    p, q = network.rated_power()
    assert p.sum() == pytest.approx(network.loads.p_kw.sum() - network.generators.p_kw.sum())
    assert q.sum() == pytest.approx(network.loads.q_kvar.sum())
    assert set(network.loads.profile) <= {"H0-A", "H0-B", "H0-C", "H0-G", "H0-L", "G1-A", "L1-A", "L2-A"}
    assert set(network.generators.kind) == {"PV"}
    assert network.at_buses(network.loads.bus, [[1.0] * len(network.loads)] * 3).sum(axis=1).tolist() == [13.0] * 3


def test_names_of_joined_buses_still_lead_somewhere(network_named):
    network = network_named("simbench/1-MV-semiurb--0-sw")
    assert network.bus_index("MV2.101 busbar1.2") == network.bus_index("MV2.101 busbar1.1")
    with pytest.raises(NetworkError, match="unknown bus"):
        network.bus_index("MV2.101 busbar1.3x")


def test_zones_of_a_mixed_network(network_named):
    network = network_named("simbench/1-MVLV-semiurb-3.202-0-sw")
    assert set(network.bus_zone) == {"HV1", "MV2.101", "LV3.202"}
    for zone, kv in zip(network.bus_zone, network.bus_kv, strict=True):
        assert {"HV1": 110.0, "MV2.101": 20.0, "LV3.202": 0.4}[zone] == kv
