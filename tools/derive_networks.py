"""Make the shipped networks, data/networks/**, from the pinned packages simbench 1.6.3 and pandapower 3.5.6.

    python -m tools.derive_networks            all of them (needs the extra datagen; a minute)
    python -m tools.derive_networks cigre-mv   those named

The result is deterministic; a test makes some of them again and compares.
"""

import json
import logging
import math
import sys
import warnings
from importlib.metadata import files
from pathlib import Path
from typing import Any

from environment.grid.pandapower_import import tables_from_pandapower
from environment.grid.tables import DEFAULTS, network_from_tables

TARGET = Path(__file__).resolve().parents[1] / "data" / "networks"
SIMBENCH = {
    "1-LV-rural1--0-sw": "SimBench rural low-voltage network 1, 2016",
    "1-LV-semiurb4--0-sw": "SimBench semi-urban low-voltage network 4, 2016",
    "1-LV-urban6--0-sw": "SimBench urban low-voltage network 6, 2016",
    "1-MV-semiurb--0-sw": "SimBench semi-urban medium-voltage network, 2016",
    "1-MVLV-semiurb-3.202-0-sw": "SimBench semi-urban medium-voltage network with low-voltage network 3.202, 2016",
    "1-MVLV-comm-5.401-0-sw": "SimBench commercial medium-voltage network with low-voltage network 5.401, 2016",
}
SIMBENCH_NOTICE = (
    "Contains information from SimBench, which is made available here under the Open Database License (ODbL), its contents under the "
    "Database Contents License (DbCL)."
)
BSD_NOTICE = (
    "Parameters as in pandapower 3.5.6, BSD-3-Clause, Copyright (c) 2016-2026 University of Kassel and Fraunhofer IEE."
)
SIMBENCH_LICENSE = """SPDX-License-Identifier: ODbL-1.0
SPDX-FileCopyrightText: 2019-2026 University of Kassel, TU Dortmund, RWTH Aachen University, Fraunhofer IEE and individual contributors
Source: simbench 1.6.3 (wheel, sha256 {sha}), 1-complete_data-mixed-all-0-sw, code {code}
Licence text: data/licences/ODbL-1.0.txt, contents: data/licences/DbCL-1.0.txt
Changes: buses joined by closed couplers, units kW, kvar; type "Ratio" set for tap changers; tables as environment/grid/tables.py describes.
This derived database is itself available under the ODbL; the method that made it is tools/derive_networks.py.
Notice: {notice}
"""
BSD_LICENSE = """SPDX-License-Identifier: BSD-3-Clause
SPDX-FileCopyrightText: 2016-2026 University of Kassel and Fraunhofer Institute for Energy Economics and Energy System Technology (IEE)
Source: pandapower 3.5.6, {source}
Published as: {published}
Licence text: data/networks/NOTICE
Changes: units kW, kvar; tables as environment/grid/tables.py describes; made by tools/derive_networks.py.{more}
"""
CIGRE = (
    "CIGRE TF C6.04.02, Benchmark Systems for Network Integration of Renewable and Distributed Energy Resources, 2014"
)
BARAN_WU = "Baran, Wu 1989, Network reconfiguration in distribution systems for loss reduction, doi 10.1109/61.25627"
WHEEL_SHA = "8b48bdab2445286a..."


def simbench_network(code: str) -> dict[str, Any]:
    import simbench

    plain, problems = tables_from_pandapower(simbench.get_simbench_net(code), f"simbench/{code}")
    return _checked({**plain, "title": SIMBENCH[code], "notice": SIMBENCH_NOTICE}, problems)


def cigre_mv(with_der: str | bool = False) -> dict[str, Any]:
    import pandapower.networks

    net = pandapower.networks.create_cigre_network_mv(with_der=with_der)
    net.bus["zone"] = None
    net.load["type"] = None
    name, more = ("cigre-mv-pv-wind", ", with PV and wind") if with_der else ("cigre-mv", "")
    plain, problems = tables_from_pandapower(net, name)
    plain["geographic"] = False
    return _checked(
        {**plain, "title": f"CIGRE European medium-voltage benchmark network{more}", "notice": BSD_NOTICE}, problems
    )


def cigre_lv() -> dict[str, Any]:
    import pandapower.networks

    net = pandapower.networks.create_cigre_network_lv()
    net.load["type"] = None
    plain, problems = tables_from_pandapower(net, "cigre-lv")
    plain["geographic"] = False
    return _checked({**plain, "title": "CIGRE European low-voltage benchmark network", "notice": BSD_NOTICE}, problems)


def ieee_33() -> dict[str, Any]:
    """Baran and Wu's feeder; buses and lines are numbered from 1 as in the paper, the five ties are open switches."""
    import pandapower
    import pandapower.networks

    net = pandapower.networks.case33bw()
    ties = net.line.index[~net.line.in_service]
    net.line["in_service"] = True
    for line in net.line.index:
        pandapower.create_switch(net, net.line.from_bus[line], line, et="l", closed=line not in ties)
    for line in ties:
        pandapower.create_switch(net, net.line.to_bus[line], line, et="l", closed=False)
    net.bus["name"] = [f"bus {number + 1}" for number in net.bus.index]
    net.line["name"] = [f"line {number + 1}" for number in net.line.index]
    net.load["name"] = [f"load {bus + 1}" for bus in net.load.bus]
    net.load["type"] = None
    net.bus["geo"] = None
    plain, problems = tables_from_pandapower(net, "ieee-33")
    return _checked({**plain, "title": "IEEE 33-bus feeder of Baran and Wu", "notice": BSD_NOTICE}, problems)


def _checked(plain: dict[str, Any], problems: list[str]) -> dict[str, Any]:
    network_from_tables(plain, problems)
    return plain


OTHERS = {
    "cigre-mv": (cigre_mv, "networks.create_cigre_network_mv()", CIGRE, ""),
    "cigre-mv-pv-wind": (
        lambda: cigre_mv("pv_wind"),
        "networks.create_cigre_network_mv(with_der='pv_wind')",
        CIGRE,
        "",
    ),
    "cigre-lv": (cigre_lv, "networks.create_cigre_network_lv()", CIGRE, ""),
    "ieee-33": (
        ieee_33,
        "networks.case33bw()",
        BARAN_WU,
        "\nThe paper gives no rated currents: max_i_ka is pandapower's 99999 (no limit). The five ties are open switches.",
    ),
}


def text(plain: dict[str, Any]) -> str:
    """JSON with a column a line; columns of usual values are left out, columns of one value are written once."""
    parts = []
    for key, value in plain.items():
        if key in DEFAULTS:
            columns = [f"  {json.dumps(c)}: {json.dumps(v)}" for c, v in _compact(key, value).items()]
            body = "{\n" + ",\n".join(columns) + "\n }" if columns else "{}"
        else:
            body = json.dumps(value)
        parts.append(f" {json.dumps(key)}: {body}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _compact(table: str, columns: dict[str, list[Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for column, values in columns.items():
        tidy = [_tidy(value) for value in values]
        if all(value == DEFAULTS[table][column] or value is None for value in tidy):
            continue
        same = column not in ("name", "bus", "from", "hv") and len(set(tidy)) == 1
        result[column] = tidy[0] if same else tidy
    return result


def _tidy(value: Any) -> Any:
    """Ten significant digits, whole numbers without a point, NaN as null."""
    if isinstance(value, bool) or not isinstance(value, float):
        return value
    if math.isnan(value):
        return None
    rounded = float(f"{value:.10g}")
    return int(rounded) if rounded.is_integer() else rounded


def write(name: str, plain: dict[str, Any], licence: str) -> None:
    path = TARGET / f"{name}.json"
    path.write_text(text(plain), encoding="utf-8")
    path.with_name(path.name + ".license").write_text(licence, encoding="utf-8")
    print(f"{path.relative_to(TARGET.parents[1])}: {path.stat().st_size / 1024:.0f} kB")


def main(names: list[str]) -> None:
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    for code in SIMBENCH:
        if not names or f"simbench/{code}" in names:
            licence = SIMBENCH_LICENSE.format(code=code, notice=SIMBENCH_NOTICE, sha=WHEEL_SHA)
            write(f"simbench/{code}", simbench_network(code), licence)
    for name, (make, source, published, more) in OTHERS.items():
        if not names or name in names:
            write(name, make(), BSD_LICENSE.format(source=source, published=published, more=more))
    if not names or any("simbench" not in name for name in names):
        write_notice()


def write_notice() -> None:
    """The licence text that the BSD terms want beside what is derived."""
    licence = next(path for path in files("pandapower") or [] if path.name == "LICENSE")
    head = "cigre-*.json and ieee-33.json hold parameters as in pandapower 3.5.6, whose licence is:\n\n"
    tail = "\n\nsimbench/: see simbench/NOTICE.\n"
    body = licence.read_text(encoding="utf-8").replace("\r\n", "\n").rstrip()
    (TARGET / "NOTICE").write_text(head + body + tail, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
