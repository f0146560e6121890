"""What if: a scenario to begin with, plain controls to change it, and a button that runs it in the background."""

import json
import shlex
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import pydantic
import streamlit as st

from dashboard import controls, look, scenarios, shelf
from dashboard.background import AWAITED, jobs, runs_folder
from dashboard.controls_field import Change, Control, Group, in_words
from dashboard.jobs import JobError
from dashboard.shown import Shown
from dashboard.standing import coflex
from dashboard.trouble import trouble
from experiments.errors import CoflexError

_SHIPPED, _OF_RUN, _OF_FILE = "that ships with coflex", "of a run", "of my own"
_SEASONS = {"winter": 1, "spring": 4, "summer": 7, "autumn": 10}
_COLUMNS = 3


def show(shown: Sequence[Shown]) -> None:
    """The page."""
    st.title("What if?")
    if not shown:
        st.html(look.soft("No run is looked at. Begin with a scenario, change what you want to know about, and press Run: after a minute or two the answer opens "
                          "by itself. A run that is there already is chosen, or opened by its folder, at the left."))  # fmt: skip
    left, right = st.columns([13, 6], gap="large")
    with left:
        runs = [one for one in shown if not one.is_study]
        base = _base(runs)
        if base is None:
            return
        try:
            groups = controls.groups(base)
        except pydantic.ValidationError:
            _say_what_is_wrong(base)
            return
        changes = _controls(base, groups)
        changes += trouble(base, runs)
    with right:
        _start(base, changes)


def _base(shown: Sequence[Shown]) -> scenarios.Base | None:
    """The scenario to begin with."""
    kinds = [_SHIPPED, *([_OF_RUN] if shown else []), _OF_FILE]
    kind = st.radio("Begin with a scenario", kinds, horizontal=True, key="base_kind", persist_state="session")
    try:
        if kind == _OF_RUN:
            name = st.selectbox("Run", [one.name for one in shown], key="base_run", persist_state="session")
            base = _of_run(next(one for one in shown if one.name == name))
        elif kind == _OF_FILE:
            file = st.text_input(
                "Path of the scenario file", key="base_file", placeholder="my-district.yaml", persist_state="session"
            )
            if not file.strip():
                st.html(
                    look.soft(
                        "A .yaml file that says what is special about your scenario; docs/scenario.md has every key."
                    )
                )
                return None
            base = scenarios.base_of(str(Path(file.strip()).expanduser()))
        else:
            name = st.selectbox(
                "Scenario", scenarios.shipped(), format_func=lambda one: f"{scenarios.shipped_title(one)}  ({one})",
                key="base_name", persist_state="session",
            )  # fmt: skip
            base = scenarios.base_of(name)
    except (CoflexError, OSError) as error:
        st.error(str(error))
        return None
    if base.about:
        st.html(look.soft(base.about))
    return base


def _of_run(one: Shown) -> scenarios.Base:
    """The scenario of a run, written where the command line can read it."""
    folder = Path(gettempdir()) / "coflex-dashboard"
    folder.mkdir(exist_ok=True)
    name = one.run.meta["scenario"].get("name") or "scenario"
    file = folder / f"{name}-{str(one.run.meta.get('digest'))[:12]}.yaml"
    file.write_text(shelf.scenario_text(one.run.meta), "utf-8")
    return scenarios.base_of_run(one.run.meta, file)


def _say_what_is_wrong(base: scenarios.Base) -> None:
    """The problems of a scenario, in the words of ``coflex validate``."""
    _, out, err = coflex(["validate", base.name])
    for line in (out or err).splitlines():
        st.error(line.removeprefix("error: "))


def _controls(base: scenarios.Base, groups: Sequence[Group]) -> list[Change]:
    """The controls by theme; what differs from the scenario."""
    found: list[Change] = []
    for tab, group in zip(st.tabs([group.title for group in groups]), groups, strict=True):
        with tab:
            for place, control in enumerate(group.controls):
                if place % _COLUMNS == 0:  # row by row, so that what stands beside each other is level
                    columns = st.columns(_COLUMNS, gap="medium")
                with columns[place % _COLUMNS]:
                    value = _widget(base, control)
                    if control.told.get(str(value)):
                        st.html(look.soft(control.told[str(value)]))
                if not _same(value, control.value):
                    found.append(
                        Change(
                            control.label,
                            in_words(control, control.value),
                            in_words(control, value),
                            control.write(value),
                        )
                    )
    return found


def _same(value: Any, other: Any) -> bool:
    if isinstance(value, float) and isinstance(other, float | int):
        return abs(value - other) < 1e-9
    return bool(value == other)


def _widget(base: scenarios.Base, control: Control) -> Any:
    """A plain control; it shows the scenario's own value until somebody moves it."""
    key = f"set|{base.key}|{control.key}"
    more: dict[str, Any] = {"key": key, "help": control.help, "persist_state": "session"}
    if control.kind == "share":
        percent = round(100.0 * control.value)
        chosen = st.slider(control.label, 0, 100, percent, 1, "%d %%", **more)
        return control.value if chosen == percent else chosen / 100.0
    if control.kind == "choice":
        return st.selectbox(control.label, control.choices, control.choices.index(str(control.value)),
                            format_func=lambda one: control.words.get(one, one), **more)  # fmt: skip
    if control.kind == "switch":
        return st.toggle(control.label, control.value, **more)
    if control.kind == "date":
        return _date(control, more)
    low, high = control.low, control.high
    if control.kind == "whole":
        bounds = [None if one is None else int(one) for one in (low, high)]
        return int(st.number_input(control.label, bounds[0], bounds[1], int(control.value), 1, **more))
    value = float(control.value)
    bounds_f = [
        None if one is None else min(float(one), value) if one is low else max(float(one), value) for one in (low, high)
    ]
    return float(st.number_input(control.label, bounds_f[0], bounds_f[1], value, _step(value), "%g", **more))


def _step(value: float) -> float:
    """A step that suits the size of a number."""
    return 0.01 if abs(value) < 0.2 else 0.1 if abs(value) < 10 else 1.0


def _date(control: Control, more: dict[str, Any]) -> date:
    """The first day, or the same weekday of another season."""
    day = st.date_input(control.label, control.value, date(1980, 1, 1), date(2100, 12, 31), **more)
    names = ["as the day says", *_SEASONS]
    season = st.selectbox("or the same weekday in", names, key=f"{more['key']}|season", persist_state="session")
    return day if season == names[0] else same_weekday(day, _SEASONS[season])


def same_weekday(day: date, month: int) -> date:
    """The day of that weekday nearest the 19th of a month of the same year."""
    middle = date(day.year, month, 19)
    off = (day.weekday() - middle.weekday() + 3) % 7 - 3
    return middle + timedelta(days=off)


def _start(base: scenarios.Base, changes: Sequence[Change]) -> None:
    """What is changed, and the button."""
    st.subheader("Your run")
    nothing = "The scenario as it is. Move a control, and it is listed here."
    st.html(look.changes(((one.label, one.before, one.after) for one in changes), nothing))
    seed = int(st.number_input("Seed of all chance", 0, 2**31 - 1, 1, key="seed", persist_state="session",
                               help="The same seed makes the same people, weather and delays; another one another day of the same kind."))  # fmt: skip
    folder = runs_folder()
    name = st.text_input("Name of the run", key=f"run_name-{st.session_state.get('started', 0)}", placeholder=_free_name(folder, base.short, seed), persist_state="session",
                         help=f"A folder in {folder}").strip()  # fmt: skip
    twin = st.toggle("Also without coordination", value=True, key="twin", persist_state="session",
                     help="The same people, weather and devices, in which nobody procures or activates: what is avoided is measured against it.")  # fmt: skip
    beside = bool(changes) and st.toggle("Also the scenario unchanged", value=True, key="beside", persist_state="session",
                                         help="To compare with, under the same seed. If such a run is there already, it is used.")  # fmt: skip
    sets = scenarios.settings(base, [one for change in changes for one in change.written])
    arguments = [
        base.name,
        "--seed",
        str(seed),
        *(word for text in sets for word in ("--set", text)),
        *([] if twin else ["--no-twin"]),
    ]
    plain = [base.name, "--seed", str(seed), *([] if twin else ["--no-twin"])]
    if st.button("Run", type="primary", icon=":material/play_arrow:", width="stretch", key="start"):
        _run(arguments, plain if beside else [], folder, name or _free_name(folder, base.short, seed), seed)
    with st.expander("The same from the command line"):
        st.html(look.command(shlex.join(["coflex", "run", *arguments])))


def _free_name(folder: Path, name: str, seed: int) -> str:
    return shelf.free_name(folder, name, seed, [job.folder for job in jobs().going])


def _run(arguments: Sequence[str], plain: Sequence[str], folder: Path, name: str, seed: int) -> None:
    """Start the run; ``plain``: and the unchanged scenario beside it, unless it is there."""
    if Path(name).name != name or name.startswith("."):
        st.error(f"'{name}' is not a name for a folder; write letters, digits and hyphens")
        return
    awaited: dict[str, str] = st.session_state.setdefault(AWAITED, {})
    try:
        jobs().start(arguments, out=folder / name, label=name)
        awaited[str(folder / name)] = ""
        st.session_state["started"] = st.session_state.get("started", 0) + 1  # the next run is called anew
        if plain:
            awaited[str(folder / name)] = _unchanged(plain, folder, seed, awaited)
    except (JobError, OSError) as error:
        st.error(str(error))
    else:
        st.rerun()


def _unchanged(plain: Sequence[str], folder: Path, seed: int, awaited: dict[str, str]) -> str:
    """The run of the unchanged scenario under a seed: one that is there or goes on, or one that is started now."""
    code, out, _ = coflex(["show", plain[0], "--format", "json"])
    twin = "--no-twin" not in plain
    if code == 0:
        found = shelf.same_scenario(folder, json.loads(out), seed, twin=twin)
        if found is not None:
            return str(found)
    going = next(
        (job for job in jobs().going if job.command[1 : 1 + len(plain)] == tuple(plain) and "--set" not in job.command),
        None,
    )
    if going is None:
        short = Path(plain[0]).stem
        name = _free_name(folder, f"{short}-unchanged", seed)
        going = jobs().start(plain, out=folder / name, label=name)
    awaited.setdefault(str(going.folder), "")
    return str(going.folder)
