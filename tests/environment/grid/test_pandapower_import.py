"""From pandapower: the same power flow as runpp, on shipped networks rebuilt there and on nets with every trap."""

import json
from pathlib import Path

import numpy as np
import pandapower as pp
import pandapower.networks
import pytest

from environment.grid.network import NetworkError, available_networks, from_pandapower, load_network
from environment.grid.power_flow import PowerFlow
from environment.grid.tables import DEFAULTS

pytestmark = pytest.mark.filterwarnings("ignore")
DATA = Path(__file__).parents[3] / "data" / "networks"


def filled(plain: dict, table: str) -> list[dict]:
    """Rows of a plain table, usual values filled in."""
    given = plain.get(table, {})
    length = max((len(v) for v in given.values() if isinstance(v, list)), default=0)
    columns = {c: given.get(c, usual) for c, usual in DEFAULTS[table].items()}
    return [{c: v[i] if isinstance(v, list) else v for c, v in columns.items()} for i in range(length)]


def in_pandapower(plain: dict):
    """The plain tables as a pandapower net, through its public functions."""
    net = pp.create_empty_network(name=plain["name"], f_hz=plain["frequency_hz"])
    bus = {row["name"]: pp.create_bus(net, row["kv"], name=row["name"]) for row in filled(plain, "buses")}
    pp.create_ext_grid(net, bus[plain["slack"]["bus"]], plain["slack"]["voltage_pu"])
    for row in filled(plain, "lines"):
        line = pp.create_line_from_parameters(
            net, bus[row["from"]], bus[row["to"]], row["length_km"], row["r_ohm_per_km"], row["x_ohm_per_km"],
            row["c_nf_per_km"], row["max_i_ka"], name=row["name"], parallel=row["parallel"], df=row["derating"],
        )  # fmt: skip
        for end in ("from", "to"):
            pp.create_switch(net, bus[row[end]], line, et="l", closed=not row[f"open_{end}"])
    for row in filled(plain, "transformers"):
        pp.create_transformer_from_parameters(
            net, bus[row["hv"]], bus[row["lv"]], row["sn_mva"], row["vn_hv_kv"], row["vn_lv_kv"], row["vkr_percent"],
            row["vk_percent"], row["pfe_kw"], row["i0_percent"], shift_degree=row["shift_degree"], tap_side=row["tap_side"],
            tap_neutral=row["tap_neutral"], tap_min=row["tap_min"], tap_max=row["tap_max"], tap_changer_type="Ratio",
            tap_step_percent=row["tap_step_percent"], tap_pos=row["tap_position"], name=row["name"], parallel=row["parallel"],
        )  # fmt: skip
    for row in filled(plain, "loads"):
        pp.create_load(net, bus[row["bus"]], row["p_kw"] / 1000, row["q_kvar"] / 1000, name=row["name"])
    for row in filled(plain, "generators"):
        pp.create_sgen(
            net, bus[row["bus"]], row["p_kw"] / 1000, row["q_kvar"] / 1000, name=row["name"], type=row["kind"]
        )
    return net


def assert_equal_to_runpp(net, network):
    """Voltages to 1e-6 pu, loadings to 1e-4 percent points, currents, losses and exchange to 1e-3 kW."""
    pp.runpp(net, tolerance_mva=1e-10)
    flow = PowerFlow(network).solve(*network.rated_power())
    for index, row in net.bus.iterrows():
        if net.bus.in_service[index]:
            assert flow.v_pu[0, network.bus_index(row["name"])] == pytest.approx(net.res_bus.vm_pu[index], abs=1e-6)
    for table, result in (("line", net.res_line), ("trafo", net.res_trafo)):
        for index, row in net[table].iterrows():
            if row["name"] in network.branches.names:
                branch = network.branch_index(row["name"])
                expected = np.nan_to_num(result.loading_percent[index])  # NaN: open at both ends
                assert flow.loading_percent[0, branch] == pytest.approx(expected, abs=1e-4), row["name"]
                assert flow.branch_losses_kw[0, branch] == pytest.approx(
                    np.nan_to_num(1000 * result.pl_mw[index]), abs=1e-3
                )
    assert flow.slack_kw[0] == pytest.approx(1000 * net.res_ext_grid.p_mw.sum(), abs=1e-3)
    assert flow.slack_kvar[0] == pytest.approx(1000 * net.res_ext_grid.q_mvar.sum(), abs=1e-3)


@pytest.mark.parametrize("name", available_networks())
def test_shipped_networks_equal_pandapower(name):
    net = in_pandapower(json.loads((DATA / f"{name}.json").read_text()))
    assert_equal_to_runpp(net, load_network(name))


@pytest.mark.parametrize("tap", [-2, 1])
@pytest.mark.parametrize("side", ["hv", "lv"])
def test_tap_positions_equal_pandapower(side, tap):
    net = in_pandapower(json.loads((DATA / "simbench/1-LV-urban6--0-sw.json").read_text()))
    net.trafo["tap_side"] = side
    net.trafo["tap_pos"] = tap
    assert_equal_to_runpp(net, from_pandapower(net))


def test_a_missing_tap_changer_type_does_not_hide_the_tap():
    net = in_pandapower(json.loads((DATA / "simbench/1-LV-urban6--0-sw.json").read_text()))
    net.trafo["tap_pos"] = 2
    typed = PowerFlow(from_pandapower(net)).solve(*from_pandapower(net).rated_power())
    net.trafo["tap_changer_type"] = None
    untyped = from_pandapower(net)
    assert (PowerFlow(untyped).solve(*untyped.rated_power()).v == typed.v).all()


def trap_net():
    """Small net with parallel lines, half-open cable, couplers closed, open and with impedance, a link, things out of service."""
    net = pp.create_empty_network()
    names = ["upstream", "busbar", "busbar 2", "busbar 3", "end", "link end", "far", "gone"]
    b = [pp.create_bus(net, 20.0, name=name, in_service=name != "gone") for name in names]
    pp.create_ext_grid(net, b[0], 1.01)
    cable = {"r_ohm_per_km": 0.2, "x_ohm_per_km": 0.12, "c_nf_per_km": 250.0, "max_i_ka": 0.3}
    pp.create_line_from_parameters(net, b[0], b[1], 3.0, **cable, parallel=2, df=0.8, name="double")
    pp.create_switch(net, b[1], b[2], et="b", closed=True)
    pp.create_switch(net, b[2], b[3], et="b", closed=True, z_ohm=0.5, name="choke")
    pp.create_line_from_parameters(net, b[3], b[4], 5.0, **cable, name="single")
    pp.create_line_from_parameters(
        net, b[4], b[5], 0.1, r_ohm_per_km=0.0, x_ohm_per_km=0.0, c_nf_per_km=0.0, max_i_ka=1, name="link"
    )
    half = pp.create_line_from_parameters(net, b[4], b[1], 4.0, **cable, name="half open")
    pp.create_switch(net, b[1], half, et="l", closed=False)
    pp.create_line_from_parameters(net, b[5], b[6], 2.0, **cable, name="last")
    pp.create_line_from_parameters(net, b[6], b[7], 2.0, **cable, name="to nowhere")
    pp.create_line_from_parameters(net, b[0], b[6], 9.0, **cable, name="dismantled", in_service=False)
    pp.create_load(net, b[6], 2.0, 0.6, name="works", scaling=0.9)
    pp.create_load(net, b[7], 5.0, 0.0, name="closed down")
    pp.create_load(net, b[4], 1.0, 0.1, name="works")
    pp.create_storage(net, b[6], 0.3, max_e_mwh=1.0)
    pp.create_sgen(net, b[5], 0.5, -0.1, name="plant", type="WP")
    pp.create_shunt(net, b[6], q_mvar=-0.2, p_mw=0.01, name="bank")
    return net


def test_every_trap_at_once_equals_pandapower():
    net = trap_net()
    network = from_pandapower(net)
    assert set(network.branches.names) == {"double", "single", "half open", "last", "choke coupler"}
    assert dict(network.merged) == {"busbar 2": "busbar", "link end": "end"}
    assert network.loads.names == ("works", "works #2")
    assert dict(zip(network.generators.names, network.generators.kind, strict=True)) == {
        "plant": "WP",
        "Storage 0": "storage",
    }
    # pandapower needs the link as a switch; the impedance of a coupler is what runpp makes of it
    link = net.line.index[net.line.name == "link"][0]
    net.line.loc[link, "in_service"] = False
    pp.create_switch(net, net.line.from_bus[link], net.line.to_bus[link], et="b", closed=True)
    assert_equal_to_runpp(net, network)


def test_an_open_coupler_is_a_tie():
    net = trap_net()
    net.switch.loc[net.switch.name == "choke", "closed"] = False
    network = from_pandapower(net)
    tie = network.branch_index("choke coupler")
    assert not network.branches.closed[tie]
    assert network.branches.switchable[tie]


def test_what_cannot_be_represented_is_refused_all_at_once():
    net = trap_net()
    pp.create_gen(net, 4, 1.0)
    pp.create_ward(net, 4, 0.1, 0.1, 0.1, 0.1)
    pp.create_ext_grid(net, 6)
    pp.create_load(net, 4, 1.0, const_z_p_percent=50, name="lamp")
    net.line.loc[net.line.name == "single", "max_i_ka"] = np.nan
    with pytest.raises(NetworkError) as error:
        from_pandapower(net, "village")
    text = str(error.value)
    for part in ("voltage-controlled generators", "ward equivalents", "fed from 2 places", "'lamp'", "single"):
        assert part in text
    assert all(line.startswith("network 'village'") for line in text.splitlines())


@pytest.mark.parametrize(
    "change", [{"tap_step_degree": 5.0}, {"tap_changer_type": "Ideal"}, {"tap_dependency_table": True}, {"tap2_pos": 1}]
)
def test_unusual_tap_changers_are_refused(change):
    net = in_pandapower(json.loads((DATA / "simbench/1-LV-rural1--0-sw.json").read_text()))
    for column, value in change.items():
        net.trafo[column] = value
    with pytest.raises(NetworkError, match="phase-shifting, tabular and second tap changers"):
        from_pandapower(net)


def test_a_net_without_slack_is_refused():
    net = trap_net()
    net.ext_grid["in_service"] = False
    with pytest.raises(NetworkError, match="no slack"):
        from_pandapower(net)


def test_a_users_file(tmp_path):
    path = tmp_path / "village.json"
    pp.to_json(pandapower.networks.create_kerber_landnetz_freileitung_1(), str(path))
    network = load_network(path)
    assert network.name == "village"
    net = pandapower.networks.create_kerber_landnetz_freileitung_1()
    pp.runpp(net, tolerance_mva=1e-10)
    flow = PowerFlow(network).solve(*network.rated_power())
    assert flow.v_pu.min() == pytest.approx(net.res_bus.vm_pu.min(), abs=1e-6)


def test_the_wrong_variant_of_the_33_bus_feeder_is_not_shipped():
    network = load_network("ieee-33")
    assert network.loads.p_kw.sum() == pytest.approx(3715.0)
    assert network.loads.q_kvar.sum() == pytest.approx(2300.0)
    loss = PowerFlow(network).solve(*network.rated_power()).losses_kw[0]
    assert abs(loss - 210.98) > 5
