"""The answer to "what if" in plain words: what differs, what came of it, and how one thing led to the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dashboard.cases import case_name
from dashboard.reading import has, rows
from experiments.figures import Figures, FigureSpec, catalogue
from experiments.results import Run

NOTABLE: Final = 0.01
"""Change of a figure, as a share of it, that is worth a sentence."""
_MOST_EFFECTS: Final = 4
_MOST_REASONS: Final = 3


@dataclass(frozen=True)
class Link:
    """A figure as a link between cause and effect.

    Attributes:
        figure: its id.
        lead: the sentence that it ends.
        twin: whether it is that of the day without coordination.
        unless: figure that makes the link meaningless where it is something: what communities cover, the market leaves open.
    """

    figure: str
    lead: str
    twin: bool = False
    unless: str = ""

    def says(self, values: Figures) -> bool:
        """Whether it means something in a run."""
        return not (self.unless and values.get(self.unless))


CHAIN: Final = (
    Link("peak_loading_percent", "Without coordination the grid would be loaded up to", twin=True),
    Link("overload_kwh", "Without coordination energy above the limit would be", twin=True),
    Link("flexibility_needed_kwh", "The DSO foresees a need of"),
    Link("flexibility_offered_kwh", "Providers offer"),
    Link("flexibility_cleared_kwh", "The market takes"),
    Link("unmet_need_kwh", "Of the need stays open", unless="community_flexibility_ordered_kwh"),
    Link("flexibility_activated_kwh", "Activated are"),
    Link("delivered_percent", "Of what was ordered, meters show"),
    Link("flexibility_true_kwh", "Homes really change their load by"),
    Link("community_shared_kwh", "Members share"),
    Link("community_flexibility_needed_kwh", "Of communities is needed"),
    Link("community_flexibility_ordered_kwh", "Of communities is activated"),
    Link("community_flexibility_delivered_kwh", "Communities deliver"),
    Link("retrofits_controllable", "Water heaters made controllable are"),
    Link("heater_days_controlled", "Days of tanks under control are"),
    Link("service_automatic_percent", "Devices in automatic mode are"),
    Link("service_called_kwh", "Of homes is called"),
    Link("service_delivered_kwh", "Homes deliver"),
    Link("register_validated_up_percent", "The networks bear, of the upward power that was registered,"),
    Link("lights_usable_up_percent", "Traffic lights leave usable, upward,"),
    Link("global_offered_kwh", "On the global market is bid"),
    Link("global_limited_percent", "Traffic lights cut, of components of bids,"),
    Link("global_activated_kwh", "The global market activates"),
    Link("services_delivered_percent", "Of what was accepted is delivered"),
    Link("reserve_bought_percent", "Of the balancing capacity needed is bought"),
    Link("reserve_due_kwh", "Balancing energy due is"),
    Link("reserve_delivered_kwh", "Pools deliver"),
    Link("reserve_missing_kwh", "Beyond the tolerance is missing"),
    Link("messages_lost", "Messages lost are"),
    Link("messages_late", "Messages too late are"),
    Link("messages_refused", "Messages refused are"),
)
"""From cause to effect."""
EFFECTS: Final = (
    "peak_loading_percent", "overload_hours", "overload_kwh", "voltage_violation_hours", "energy_not_served_kwh", "flexibility_cost_eur",
    "money_homes_eur", "comfort_violation_degree_h", "ev_missing_kwh", "community_self_sufficiency_percent", "community_saved_percent",
    "community_flexibility_eur", "heater_saved_percent", "heater_bill_saving_eur", "heater_cold_percent", "service_income_eur",
    "homes_over_contract_h", "global_cost_eur", "global_imbalance_kwh", "limits_exceeded_kwh", "services_paid_eur", "responsible_left_eur",
    "reserve_accuracy_percent", "reserve_capacity_eur", "reserve_penalty_eur", "reserve_balanced_percent",
)  # fmt: skip
"""What people ask for first."""


_NEGATIVE: Final = {
    "services_paid_eur": "below zero: providers pay more for the energy that they take than they get for what they give",
    "heater_saved_percent": "below zero: control takes more",
    "heater_bill_saving_eur": "below zero: control costs more",
    "money_homes_eur": "below zero: they pay",
    "community_saved_percent": "below zero: members pay more than alone",
}
NO_REASON: Final = (
    "No link between cause and effect differs by a percent or more, and no conversation ended otherwise: what was changed was of little or no consequence "
    "on these days. A penalty, for example, costs nobody anything where all is delivered."
)


@dataclass(frozen=True)
class Told:
    """A sentence, and whether what it says is better or worse (empty: neither)."""

    text: str
    mark: str = ""


def effects(first: Figures, other: Figures) -> list[Told]:
    """What came of it: the figures that people ask for first and that differ, the most changed first."""
    moved = [(change, key) for key in EFFECTS if (change := share_of_change(first.get(key), other.get(key))) >= NOTABLE]
    chosen = {key for _, key in sorted(moved, key=lambda pair: -pair[0])[:_MOST_EFFECTS]}
    return [_effect(catalogue()[key], first[key] or 0.0, other[key] or 0.0) for key in EFFECTS if key in chosen]


def reasons(first: Figures, other: Figures, first_twin: Figures, other_twin: Figures) -> list[Told]:
    """How it came about: the links between cause and effect that differ, from the cause on."""
    found = []
    for link in CHAIN:
        was, now = (own.get(link.figure) for own in ((first_twin, other_twin) if link.twin else (first, other)))
        if (
            share_of_change(was, now) >= NOTABLE
            and was is not None
            and now is not None
            and link.says(first)
            and link.says(other)
        ):
            spec = catalogue()[link.figure]
            found.append(Told(f"{link.lead} {_instead(spec, was, now)}."))
    return found


def without(run: Run) -> str:
    """What the day without coordination is, in words."""
    scenario = run.meta["scenario"]
    if scenario.get("heaters"):
        return "in which every water heater stays with its thermostat"
    if scenario.get("pilot"):
        return "in which every device stays with its own control"
    return "on a day on which nobody procures or activates anything"


def amounts(values: Figures, keys: Sequence[str]) -> list[Told]:
    """Figures as they are, without a comparison."""
    return [
        Told(f"{catalogue()[key].title}: {rounded(catalogue()[key], values[key])}{_below_zero(key, values[key])}")
        for key in keys
        if values.get(key) is not None
    ]


def telling(values: Figures) -> list[str]:
    """What people ask for first, that which is nothing last."""
    return sorted(EFFECTS, key=lambda key: not values.get(key))


def chain(values: Figures, twin: Figures) -> list[Told]:
    """The links from cause to effect of one run, those that are nothing left out."""
    found = []
    for link in CHAIN:
        value = (twin if link.twin else values).get(link.figure)
        if value and link.says(values):
            found.append(Told(f"{link.lead} {rounded(catalogue()[link.figure], value)}."))
    return found


def mishaps(first: Run, other: Run) -> list[Told]:
    """What did not go its way in the other run and did in the first: conversations that ended otherwise, and why; penalties."""
    was, now = _ended(first), _ended(other)
    new = sorted(
        ((count - was.get(key, 0), *key) for key, count in now.items() if count > was.get(key, 0)), reverse=True
    )
    told = [
        Told(
            f"{count} more conversation{'s' if count > 1 else ''} of {case_name(suc)} {outcome}: {reason}.",
            "worse"
            if outcome == "failed"
            else "",  # what is refused may be in order: nothing is foreseen, a rule is kept
        )
        for count, suc, outcome, reason in new[:_MOST_REASONS]
    ]
    before, after = _penalty(first), _penalty(other)
    if before is not None and after is not None and abs(after - before) >= 0.005:
        told.append(
            Told(f"Penalties for what was not delivered come to {after:,.2f} EUR instead of {before:,.2f} EUR.")
        )
    return told


def _ended(run: Run) -> Mapping[tuple[str, str, str], int]:
    """Conversations that did not end as they should: number by use case, outcome and reason (numbers in it left out)."""
    if not has(run, "conversations"):
        return {}
    query = """select suc, outcome, coalesce(nullif(regexp_replace(reason, '[0-9][0-9.,:]*', '…', 'g'), ''), 'no reason was given') reason, count(*) n
        from {conversations} where outcome in ('failed', 'refused') group by 1, 2, 3"""
    return {
        (str(suc), str(outcome), str(reason)): int(n)
        for suc, outcome, reason, n in rows(run, query).itertuples(index=False)
    }


def _penalty(run: Run) -> float | None:
    if not has(run, "settlements"):
        return None
    return float(rows(run, "select sum(penalty_eur) eur from {settlements}")["eur"].iloc[0])


def share_of_change(was: float | None, now: float | None) -> float:
    """How much a figure changed, as a share of the larger of the two; 0 where one is unknown."""
    if was is None or now is None or was == now:
        return 0.0
    return abs(now - was) / max(abs(was), abs(now))


def mark_of(spec: FigureSpec, change: float | None) -> str:
    """``better`` or ``worse``; empty for neither."""
    if not change or spec.direction == "neutral":
        return ""
    return "better" if (change > 0) == (spec.direction == "more") else "worse"


def _effect(spec: FigureSpec, was: float, now: float) -> Told:
    return Told(f"{spec.title}: {_instead(spec, was, now)}", mark_of(spec, now - was))


def _instead(spec: FigureSpec, was: float, now: float) -> str:
    """``2.75 h instead of 1.50 h (+83 %)``; of percents the difference in points."""
    if spec.text(was) == spec.text(now):
        return amount(spec, now)
    points = f" ({now - was:+.1f} points)" if spec.unit == "%" else ""
    return f"{rounded(spec, now)} instead of {rounded(spec, was)}{points or _percent(was, now)}"


def amount(spec: FigureSpec, value: float | None) -> str:
    """A figure with its unit."""
    text = spec.text(value)
    return text if spec.unit == "-" or value is None else f"{text} {spec.unit}"


def rounded(spec: FigureSpec, value: float | None) -> str:
    """A figure in a sentence: of nothing and of hundreds nobody wants the fractions, which stand in the tables."""
    if value == 0:
        return f"0 {spec.unit}".removesuffix(" -")
    if value is None or spec.unit == "%" or abs(value) < 100.0 or spec.format.endswith(("d", ".0f")):
        return amount(spec, value)
    return f"{value:,.0f} {spec.unit}".removesuffix(" -")


def _below_zero(key: str, value: float | None) -> str:
    """What a figure below zero means, where that is not plain."""
    return f" ({_NEGATIVE[key]})" if key in _NEGATIVE and value is not None and value < 0 else ""


def _percent(was: float, now: float) -> str:
    """The change in percent, where that says something: not from nothing or of what is below zero, not of more than ten times."""
    if was <= 0 or now < 0 or now / was > 10:
        return ""
    return f" ({100 * (now - was) / was:+.0f} %)"


def same_but(runs: Sequence[Run]) -> str:
    """A caution where runs differ in more than one thing, and what to do about chance."""
    seeds = [int(run.meta["seed"]) for run in runs]
    if len({run.meta["scenario"].get("name") for run in runs}) > 1:
        return "These are other scenarios, with other people and mostly another network: what differs has many causes, and no chain from one to the other can be told."
    if len(set(seeds)) > 1:
        return "They also differ in their seed: a part of each difference is chance. Run them with the same seed to compare the same people, weather and delays."
    return "Same seed: the same people, weather and chances in all of them. It is one draw of them; other seeds tell how much of a difference remains."
