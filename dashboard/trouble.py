"""What goes wrong on purpose: outages, platforms that are down, people who take over or take back their consent, parties that fail."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import streamlit as st

from dashboard import look, scenarios
from dashboard.controls import Parts, parts_of
from dashboard.controls_field import Change
from dashboard.reading import has, rows
from dashboard.shown import Shown
from experiments.scenario.people import NOBODY

PLATFORMS: Final = {
    "gdbn": "the DSO's platform (GDBN)", "market": "the market's platform", "cbp": "the register's platform (CBP)",
    "direct": "lines from party to party", "meters": "lines from meters and devices",
}  # fmt: skip
"""Channels in the words of people."""
_OUTAGE, _DOWN, _MANUAL, _WITHDRAW = "outage_of", "platform_down", "manual", "withdraw"
_LABELS: Final = {
    _OUTAGE: "A line or transformer is out of service", _DOWN: "A platform is down", _MANUAL: "Homes switch to manual mode",
    _WITHDRAW: "Homes take back their consent",
}  # fmt: skip
_FAULTS: Final = {
    "delivers": "does only a part of what it is ordered", "reports": "reports more than it delivered",
    "ignores_limits": "delivers what it bid although less is admitted",
}  # fmt: skip


def trouble(base: scenarios.Base, shown: Sequence[Shown]) -> list[Change]:
    """The controls, folded up; what is added to the scenario."""
    parts = parts_of(base.content)
    there, faults = (list(base.content.get(key) or []) for key in ("events", "faults"))
    with st.expander("What goes wrong"):
        if count := len(there) + len(faults):
            st.html(
                look.soft(
                    f"The scenario itself has {count} such thing{'s' if count > 1 else ''} in store, and keeps {'them' if count > 1 else 'it'}."
                )
            )
        told = [one for kind in kinds(parts) if (one := _event(kind, base, parts, shown))]
        found = [Change(_LABELS[kind], "", text, []) for kind, text, _ in told]
        if told:
            found[0] = Change(
                found[0].label, "", found[0].after, [(("events",), [*there, *(event for *_, event in told)])]
            )
        return [*found, *_fault(base, parts, faults)]


def kinds(parts: Parts) -> list[str]:
    """The kinds of events that mean something in a scenario."""
    bound = parts.heaters or any(set(getattr(one, "served_by", ())) - {NOBODY} for one in parts.people)
    return [_OUTAGE, _DOWN, _MANUAL, *([_WITHDRAW] if bound else [])]


def platforms(parts: Parts) -> list[str]:
    """The channels that somebody uses in a scenario."""
    local = bool(parts.actors.fsps or parts.actors.communities)
    used = {"gdbn": local, "market": local or bool(parts.balancing), "cbp": bool(parts.global_market)}
    return [name for name in PLATFORMS if used.get(name, True)]


def _event(
    kind: str, base: scenarios.Base, parts: Parts, shown: Sequence[Shown]
) -> tuple[str, str, dict[str, Any]] | None:
    """One kind of event: kind, what it is in words, and how a scenario says it."""
    key = f"trouble|{base.key}|{kind}"
    if not st.toggle(_LABELS[kind], key=key, persist_state="session"):
        return None
    left, right = st.columns(2, gap="medium", vertical_alignment="bottom")
    with left:
        what, text = _what(kind, key, base, parts, shown)
    with right:
        day = _day(parts, key)
        if kind == _WITHDRAW:
            begin = st.select_slider("At", _CLOCKS, "12:00", key=f"{key}|when", persist_state="session")
            return kind, f"{text} at {day}{begin}", {"at": f"{day}{begin}", kind: what}
        begin, end = st.select_slider(
            "From, to", _CLOCKS, ("17:00", "19:00"), key=f"{key}|when", persist_state="session"
        )
    if what is None:
        return None
    return kind, f"{text}, {day}{begin} to {end}", {"from": f"{day}{begin}", "to": f"{day}{end}", kind: what}


_CLOCKS: Final = [f"{minutes // 60:02d}:{minutes % 60:02d}" for minutes in range(0, 24 * 60, 15)]


def _day(parts: Parts, key: str) -> str:
    """``day 2 `` where there are several."""
    if parts.clock.days == 1:
        return ""
    number = st.number_input("Day of the run", 1, parts.clock.days, 1, key=f"{key}|day", persist_state="session")
    return f"day {int(number)} "


def _what(kind: str, key: str, base: scenarios.Base, parts: Parts, shown: Sequence[Shown]) -> tuple[Any, str]:
    """What happens to which: the value that a scenario has, and in words."""
    key = f"{key}|what"
    if kind == _DOWN:
        name = st.selectbox(
            "Which", platforms(parts), format_func=PLATFORMS.__getitem__, key=key, persist_state="session"
        )
        return name, PLATFORMS[name]
    if kind in (_MANUAL, _WITHDRAW):
        percent = st.slider(
            "Share of the homes", 0, 100, 50 if kind == _MANUAL else 5, format="%d %%", key=key, persist_state="session"
        )
        return percent / 100.0, f"{percent} % of the homes"
    known = next((_branches(one) for one in shown if networks(one.run.meta["scenario"]) == networks(base.content)), [])
    if known:
        name = st.selectbox("Which", known, key=key, persist_state="session")
    else:
        name = st.text_input(
            "Which (its name in the network)", key=f"{key}|name", placeholder="for example LV3.202 Line 48", persist_state="session",
            help="Run the scenario once and look at the run: then the names can be chosen here",
        ).strip()  # fmt: skip
    return name or None, str(name)


def networks(content: Mapping[str, Any]) -> list[Any]:
    """The networks that a scenario names."""
    market = content.get("global_market") or {}
    own = [one.get("network") for one in market.get("dsos") or []]
    return own or [(content.get("grid") or {}).get("network")]


def _branches(one: Shown) -> list[str]:
    if not has(one.run, "network_branches"):
        return []
    return [str(name) for name in rows(one.run, "select branch from {network_branches} order by branch")["branch"]]


def _fault(base: scenarios.Base, parts: Parts, faults: Sequence[Any]) -> Iterator[Change]:
    """A provider that does not do what it should."""
    sellers, bsps = (
        [one.name for one in parts.actors.fsps],
        [one.name for one in parts.global_market.bsps] if parts.global_market else [],
    )
    names = [*sellers, *bsps]
    if not names:
        return
    key = f"trouble|{base.key}|fault"
    if not st.toggle("A provider does not do what it should", key=key, persist_state="session"):
        return
    left, right = st.columns(2, gap="medium")
    party = left.selectbox("Provider", names, key=f"{key}|who", persist_state="session")
    possible = list(_FAULTS) if party in bsps else ["delivers"]
    with right:
        how = st.selectbox("It", possible, format_func=_FAULTS.__getitem__, key=f"{key}|how", persist_state="session")
        value: Any = True
        if how == "delivers":
            value = (
                st.slider("It does", 0, 100, 60, format="%d %%", key=f"{key}|share", persist_state="session") / 100.0
            )
        elif how == "reports":
            value = (
                st.slider("It reports", 100, 300, 150, format="%d %%", key=f"{key}|times", persist_state="session")
                / 100.0
            )
    text = f"{party} {_FAULTS[how]}" + (f" ({value:.0%})" if how != "ignores_limits" else "")
    yield Change("A provider fails", "", text, [(("faults",), [*faults, {"party": party, how: value}])])


def event_in_words(event: Mapping[str, Any]) -> str:
    """An event of a scenario: what happens, and when."""
    when = " to ".join(str(event[key]).removeprefix("day 1 ") for key in ("from", "to") if event.get(key))
    kind = next((one for one in _LABELS if one in event), "")
    what = event.get(kind)
    if kind == _DOWN:
        return f"down: {PLATFORMS.get(str(what), str(what))}, {when}"
    if kind in (_MANUAL, _WITHDRAW):
        return f"{float(str(what)):.0%} of the homes {'switch to manual mode' if kind == _MANUAL else 'take back their consent'}, {when}"
    return f"out of service: {what}, {when}"


def fault_in_words(fault: Mapping[str, Any]) -> str:
    """A fault or attack of a scenario."""
    party = fault.get("party") or fault.get("as")
    told = [
        f"{key.replace('_', ' ')} {value}"
        for key, value in fault.items()
        if key not in ("party", "as") and value not in (None, False, 0.0)
    ]
    return f"{party}: {', '.join(told)}"
