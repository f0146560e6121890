"""Scalability and replicability of a scenario: how its figures grow with density, size and stress, and what other networks and countries make of them.

Scaling up is growth under the same boundary conditions; replication is transfer to others (GRID4EU, GRID+; guidelines of BRIDGE). A base case, one
factor at a time, a curve for every figure, and a verdict: linear, saturating, a breaking point with its place, or no effect. Layers: functional (grid and
flexibility), ICT (messages), economic (money), regulatory (least bid, products, deadlines and rules of sharing of countries).
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from experiments.curves import Verdict
from experiments.errors import CoflexError, did_you_mean
from experiments.kpis import catalogue
from experiments.report.page import Section, table
from experiments.scenario import Scenario
from experiments.statistics import difference, interval
from experiments.studies.boundaries import boundary_section, countries, markets, networks, product_with, scaled, trades
from experiments.studies.hosting import DENSITY, GROWTH, hosting_section
from experiments.studies.study import KEY_FIGURES, Study, home_keys, scenario_of_study
from experiments.sweep.answers import Answers
from experiments.sweep.design import plan
from experiments.sweep.file import Sweep, sweep_from
from experiments.sweep.report import HOW_TO_READ, shape, with_interval

ICT_FIGURES: Final = (
    "messages_total", "messages_per_kwh", "message_parity_eur", "messages_lost", "messages_late", "messages_retried", "acknowledgement_p95_ms", "steps_late", "steps_not_reached",
    "flexibility_cleared_kwh", "flexibility_true_kwh", "overload_kwh", "flexibility_cost_eur",
)  # fmt: skip
COMMUNITY_FIGURES: Final = (
    "community_shared_kwh", "community_self_sufficiency_percent", "community_saved_percent", "community_flexibility_delivered_kwh", "community_cost_eur",
)  # fmt: skip
SHARES: Final = ("0%", "20%", "40%", "60%", "80%", "100%")
SIZES: Final = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
"""Homes on the same network, as a multiple of the scenario's."""
DELAYS_S: Final = (1.0, 10.0, 60.0, 300.0, 900.0, 3600.0)
LOSSES: Final = ("0%", "2%", "5%", "10%", "20%", "40%")
OUTAGES_H: Final = (0, 1, 2, 4, 8, 12)
OUTAGE_FROM_H: Final = 12
"""Local hour of the day before delivery at which the market's platform goes down: before the DSO procures, in the shipped scenarios."""
CHANNELS: Final = ("gdbn", "market", "direct")
COPIES: Final = (1, 2, 3, 4)
"""Districts beside each other, each with operators and providers of its own."""
LEAST_BIDS_KW: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
"""From what a home offers to what entry costs in Sweden (0.1 MW, data/boundaries.yaml)."""
LAYERS: Final = {
    "grid": "functional", "flexibility": "functional", "people": "functional", "forecasts": "functional", "messages": "ICT", "use cases": "ICT",
    "money": "economic",
}  # fmt: skip
CURVES: Final = ("cars", "photovoltaics", "enrolled", "homes", "copies", "delay", "loss", "outage", "least_bid")
OTHERS: Final = ("networks", "countries", "markets")
ASKS: Final = {
    "cars": "Density: what do more homes with a car do?",
    "photovoltaics": "Density: what do more homes with panels do?",
    "enrolled": "Density: what do more homes with a contract of a provider do?",
    "homes": "Size: what do more homes on the same network do?",
    "copies": "Size: what do more districts of this kind beside each other do?",
    "delay": "ICT: what does a delay of every message [s] do?",
    "loss": "ICT: what does a lost share of messages do?",
    "outage": f"ICT: what does an outage of the market's platform [h], from {OUTAGE_FROM_H}:00 the day before, do?",
    "least_bid": "Regulation: what does the least bid that the market admits [kW] do?",
    "networks": "Replicability inside a country: what do other networks make of it, with as many homes for each kVA of transformer?",
    "countries": "Replicability between countries: what do people, climate, product, deadlines and sharing of other countries make of it?",
    "markets": "Regulation: what do product and deadlines of other countries alone make of it, the people being the same?",
}
"""The question of each part."""


def sra_study(name: str, *, seeds: int = 3, parts: tuple[str, ...] = ()) -> Study:
    """The study of a scenario's scalability and replicability.

    Args:
        name: of a scenario.
        seeds: of each point, the same at all points.
        parts: only these of ``CURVES`` and ``OTHERS``; all when empty.

    Raises:
        CoflexError: there is no such scenario or part.
    """
    written, scenario = scenario_of_study(name)
    known = (*CURVES, *OTHERS)
    for part in parts:
        if part not in known:
            msg = f"--part: there is no part '{part}'{did_you_mean(part, known)}"
            raise CoflexError(msg)
    factors = _factors(scenario)
    figures = (*KEY_FIGURES, *(COMMUNITY_FIGURES if scenario.actors.communities else ()))
    sweeps = {part: _sweep(part, written, factors[part], seeds, figures) for part in parts or known if part in factors}
    cannot = _cannot_be_run(sweeps) if not parts else {}
    sweeps = {part: sweep for part, sweep in sweeps.items() if part not in cannot}
    if not sweeps:
        msg = f"--part: {scenario.name} has no market, and so no {' and no '.join(parts)}; it has {', '.join(factors)}"
        raise CoflexError(msg)
    return Study(
        name="sra", title=f"Scalability and replicability of {scenario.title or scenario.name}",
        question="What happens to the figures when there is more of it, under more stress, or elsewhere?",
        about=(
            "One factor at a time is changed, everything else stays as in the scenario, with the same seeds. Density: shares of homes with a car, with panels, with a contract. Size: "
            "homes on the same network, larger networks, copies of the district, which multiply what can be counted and leave ratios as they are. ICT: delay, loss, and an outage of the market's platform. Regulation: the least bid. Replicability: other "
            "networks with as many homes for each kVA of transformer, boundary conditions of other countries, and their product and deadlines alone."
        ),
        limits=(
            "Factors are changed one at a time, so interactions are not seen. ICT is counted, not priced: what a message or a platform costs has no source, so the price of a message is told at which ICT would cost as much as the flexibility (where delay, loss and outage are varied). Networks of SimBench are German; the commercial one is a medium-voltage network with businesses and one low-voltage "
            "network in full. Boundary conditions of countries have their sources below; those marked [M] are assumptions. The least bid of a country is left out of 'countries', since it "
            "would end the market of one village, and is in 'markets'. More homes on the same network share its transformers: that is density, too."
            + "".join(f" Left out is the factor {part}: {why}." for part, why in cannot.items())
        ),
        command=f"coflex study sra {name} --seeds {seeds}" + "".join(f" --part {part}" for part in parts), parts=sweeps, read=_read,
    )  # fmt: skip


def _sweep(part: str, written: str, factor: dict[str, Any], seeds: int, usual: tuple[str, ...]) -> Sweep:
    asked = (
        ICT_FIGURES if part in ("delay", "loss", "outage") else (*usual, *(GROWTH.values() if part in DENSITY else ()))
    )
    figures = [one for one in asked if one in catalogue()]
    content = {
        "name": part, "question": ASKS[part], "scenario": written, "factors": {part: factor}, "seeds": seeds,
        "figures": figures, "leave_out": True,
    }  # fmt: skip
    return sweep_from(content)


def _cannot_be_run(sweeps: Mapping[str, Sweep]) -> dict[str, str]:
    """Parts of which the scenario can run no point, and why not."""
    found = {}
    for part, sweep in sweeps.items():
        try:
            plan(sweep, where=part)
        except CoflexError as error:
            found[part] = str(error).splitlines()[0].removeprefix(f"{part}: ")
    return found


def _factors(scenario: Scenario) -> dict[str, dict[str, Any]]:
    """The factor of each part that the scenario can have."""
    base = scenario.as_data()
    found: dict[str, dict[str, Any]] = {
        "cars": {"key": home_keys(scenario, "devices.ev"), "values": list(SHARES)},
        "photovoltaics": {"key": home_keys(scenario, "devices.pv"), "values": list(SHARES)},
        "homes": {"alternatives": {f"{size}": scaled(scenario, size) for size in SIZES}},
        "countries": {"alternatives": countries(scenario)},
        "delay": {
            "alternatives": {f"{delay}": {f"platforms.{one}.delay_s": {"constant": delay} for one in CHANNELS} for delay in DELAYS_S}
        },
        "loss": {"key": [f"platforms.{channel}.loss" for channel in CHANNELS], "values": list(LOSSES)},
    }  # fmt: skip
    if not any(
        (
            scenario.pilot,
            scenario.heaters,
            scenario.global_market,
            scenario.balancing,
            scenario.actors.communities,
            scenario.attacks,
        )
    ):
        found["copies"] = {"key": "copies", "values": list(COPIES)}
    if scenario.actors.fsps and scenario.coordination:
        found["enrolled"] = {"alternatives": {share: _enrolled(base, float(share[:-1]) / 100) for share in SHARES}}
    if trades(scenario):
        found["outage"] = {"alternatives": {f"{hours}": _outage(base, hours) for hours in OUTAGES_H}}
        found["markets"] = {"alternatives": markets(scenario)}
        found["least_bid"] = {
            "alternatives": {f"{least}": product_with(scenario, {"capacity_min_kw": least}) for least in LEAST_BIDS_KW}
        }
    if not scenario.global_market:
        found["networks"] = {"alternatives": networks(scenario)}
    return found


def _enrolled(base: Mapping[str, Any], share: float) -> dict[str, Any]:
    """The same providers in the same proportions, with this share of all homes."""
    changes: dict[str, Any] = {}
    for place, group in enumerate(base["people"]):
        if "homes" not in group:
            continue
        served = {name: part for name, part in group.get("served_by", {}).items() if name != "nobody"}
        whole = sum(served.values())
        if whole > 0.0:
            parts = {name: share * part / whole for name, part in served.items() if share > 0.0}
            changes[f"people.{place}.served_by"] = parts | ({"nobody": 1.0 - share} if share < 1.0 else {})
    return changes


def _outage(base: Mapping[str, Any], hours: int) -> dict[str, Any]:
    events = list(base.get("events", []))
    if hours:
        ends = OUTAGE_FROM_H + hours
        until = f"day 0 {ends:02d}:00" if ends < 24 else "day 1 00:00"
        events.append({"from": f"day 0 {OUTAGE_FROM_H:02d}:00", "to": until, "platform_down": "market"})
    return {"events": events}


def _read(answers: Mapping[str, Answers]) -> list[Section]:
    made = [_verdicts({name: one for name, one in answers.items() if name in CURVES})]
    made += [one for one in (hosting_section(answers),) if one is not None]
    made += [_transfer(name, answers[name]) for name in OTHERS if name in answers]
    if {"countries", "markets"} & set(answers):
        made.append(boundary_section())
    return made


def verdicts(answers: Mapping[str, Answers]) -> dict[tuple[str, str], Verdict]:
    """(figure, factor) -> the verdict, for figures that are defined at four levels or more."""
    found: dict[tuple[str, str], Verdict] = {}
    for factor, one in answers.items():
        for name, values in one.values.items():
            (line,) = one.lines(name, factor)
            verdict = shape(line, one.common) if not np.isnan(values).all() else None
            if verdict is not None:
                found[name, factor] = verdict
    return found


def _verdicts(answers: Mapping[str, Answers]) -> Section:
    """A row a figure, a column a factor, layer by layer."""
    found, specs = verdicts(answers), catalogue()
    rows = []
    for name in sorted({name for name, _ in found}, key=list(specs).index):
        layer = LAYERS.get(specs[name].theme, specs[name].theme)
        rows.append(
            [
                layer,
                f"{specs[name].title} [{specs[name].unit}]",
                *(found[name, factor].short if (name, factor) in found else "-" for factor in answers),
            ]
        )
    rows.sort(key=lambda row: row[0])
    note = (
        f"<p class='soft'>{HOW_TO_READ} A slope is the change for one unit of the factor (of a share: from none to all; of homes: once the scenario's). "
        "A question mark: another shape fits nearly as well. Curves are below.</p>"
    )
    if not rows:
        return Section(
            "verdicts", "Verdicts", "<p>No figure is known in every run of four levels, so none has a shape.</p>"
        )
    return Section("verdicts", "Verdicts", note + table(["layer", "figure", *answers], rows))


def _transfer(part: str, answers: Answers) -> Section:
    """Figures elsewhere, against the first of the list, seed by seed."""
    specs, levels = catalogue(), [str(point[part]) for point in answers.points]
    rows = []
    for name in answers.kept():
        values = answers.values[name]
        cells = [with_interval(interval(values[0], answers.confidence), specs[name])]
        for row in values[1:]:
            change = difference(row, values[0], answers.confidence)
            star = " *" if change.n > 1 and change.excludes_zero else ""
            here = with_interval(interval(row, answers.confidence), specs[name])
            cells.append(f"{here} ({with_interval(change, specs[name], '+')}{star})" if change.n else here)
        rows.append([f"{specs[name].title} [{specs[name].unit}]", *cells])
    note = f"<p class='soft'>In brackets the difference from {levels[0]}, seed by seed; an asterisk where its interval excludes 0.</p>"
    return Section(
        f"{part}-transfer",
        f"Replicability: {part}",
        note + table(["figure", *levels], rows, numbers=range(1, len(levels) + 1)),
    )
