"""Past consumption of members: simulated with the gaps of real meters, or read from a file; and the typical profile of each."""

import csv
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

import data
from agents.strategies.study_year import StudyYear
from data.arrays import F64, Bool
from environment.chance import Chance, name_hashes
from environment.people.household import household_load_kw
from environment.people.simbench_profiles import profiles
from environment.weather.records import Weather
from experiments.errors import CoflexError
from experiments.sizing.study import Member, Study

_GAP_STEPS = 12
"""Readings of a simulated meter fail in blocks of this length."""
_DAY_NOISE = 0.12
"""Standard deviation of the logarithm of a simulated client's use from day to day."""


def typical(members: Sequence[Member], year: StudyYear) -> dict[str, F64]:
    """The typical profile of each member's client type, use and contracted power, in any scale, shape (T,)."""
    uses = data.read_yaml("profiles", "typical_consumers.yaml")["uses"]
    shape = {}
    for member in members:
        entry = uses[member.use]
        shape[member.name] = entry["large" if member.contracted_kw > entry["large_above_kw"] else "typical"][
            member.client
        ]
    series = _shapes(sorted(set(shape.values())), year)
    return {name: series[column] for name, column in shape.items()}


def _shapes(names: Sequence[str], year: StudyYear) -> dict[str, F64]:
    """Measured shapes by name."""
    rows = profiles([f"{name}_pload" for name in names], year.calendar, year.timeline)
    return dict(zip(names, rows, strict=True))


def consumption(
    study: Study, year: StudyYear, weather: Weather, chance: Chance
) -> tuple[dict[str, F64], dict[str, Bool]]:
    """What meters read, by member, shape (T,) with 0 where nothing was read, and which steps were.

    Raises:
        CoflexError: a file that cannot be used; names member, column and the way out.
    """
    if study.profiles.history != "simulated":
        return _from_file(study, year)
    lived = _lived(study, year, weather, chance)
    kw, known = {}, {}
    for member in study.members:
        there = _known(member, year, chance) if member.meter == "smart" else np.zeros(year.timeline.n, bool)
        known[member.name] = there
        kw[member.name] = np.where(there, lived[member.name], 0.0)
    return kw, known


def _lived(study: Study, year: StudyYear, weather: Weather, chance: Chance) -> dict[str, F64]:
    """The simulated load of each member: households by the household model, others by a measured shape that varies from day to day."""
    homes = [member for member in study.members if member.use == "household"]
    mean = data.read_yaml("profiles", "household.yaml")["countries"][study.place.country]["mean_kwh"]
    found: dict[str, F64] = {}
    if homes:
        load = household_load_kw(
            chance, [one.name for one in homes], [one.persons for one in homes], [one.annual_kwh or mean for one in homes],
            year.calendar, year.timeline, weather,
        )  # fmt: skip
        found = {one.name: row for one, row in zip(homes, load, strict=True)}
    uses = data.read_yaml("profiles", "typical_consumers.yaml")["uses"]
    noise = chance.stream("sizing.day")
    shapes = _shapes(sorted({uses[one.use]["lived"] for one in study.members if one.use != "household"}), year)
    for member in study.members:
        if member.use != "household":
            shape = shapes[uses[member.use]["lived"]]
            daily = np.exp(
                _DAY_NOISE * noise.normal(name_hashes([member.name])[:, None], np.arange(year.days)[None, :])[0]
            )
            load_kw = shape * daily[year.day]
            wanted = member.annual_kwh or mean
            found[member.name] = load_kw * (wanted / (load_kw.sum() * year.timeline.hours))
    return found


def _known(member: Member, year: StudyYear, chance: Chance) -> Bool:
    blocks = -(-year.timeline.n // _GAP_STEPS)
    draws = chance.stream("sizing.gaps").uniform(name_hashes([member.name])[:, None], np.arange(blocks)[None, :])[0]
    return np.repeat(draws >= member.missing, _GAP_STEPS)[: year.timeline.n]


def _from_file(study: Study, year: StudyYear) -> tuple[dict[str, F64], dict[str, Bool]]:
    file = Path(study.profiles.history)
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            columns = reader.fieldnames or []
            if "time" not in columns:
                msg = f"{file}: there is no column 'time'; write local times like 2019-01-01T00:00 and a column of kW for each member"
                raise CoflexError(msg)
            rows = list(reader)
    except (OSError, UnicodeDecodeError) as error:
        msg = f"cannot read {file}: {error}"
        raise CoflexError(msg) from error
    sums = {member.name: np.zeros(year.timeline.n) for member in study.members}
    counts = {member.name: np.zeros(year.timeline.n) for member in study.members}
    for line, row in enumerate(rows, start=2):
        step = _step(file, line, row["time"], year)
        for name in sums.keys() & row.keys() if 0 <= step < year.timeline.n else ():
            if row[name].strip():
                sums[name][step] += _number(file, line, name, row[name])
                counts[name][step] += 1.0
    known = {name: count > 0.0 for name, count in counts.items()}
    problems = _gaps(study, known)
    if problems:
        raise CoflexError("\n".join(problems))
    return {name: sums[name] / np.maximum(counts[name], 1.0) for name in sums}, known


def _step(file: Path, line: int, text: str, year: StudyYear) -> int:
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        msg = f"{file}, line {line}: '{text}' is not a time; write for example 2019-01-01T00:00"
        raise CoflexError(msg) from error
    return year.timeline.index(year.calendar.at(when))


def _number(file: Path, line: int, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not value >= 0.0 or value == float("inf"):
        msg = f"{file}, line {line}, column {name}: '{text}' is not a load in kW of 0 or more; leave it empty where nothing was metered"
        raise CoflexError(msg)
    return value


def _gaps(study: Study, known: dict[str, Bool]) -> list[str]:
    found = []
    for member in study.members:
        missing = 1.0 - float(known[member.name].mean())
        if missing == 1.0 and member.annual_kwh is None:
            found.append(
                f"{study.profiles.history}: no reading of {member.name}; give it annual_kwh, or a column of that name"
            )
        elif study.profiles.most_missing < missing < 1.0:
            found.append(
                f"{study.profiles.history}: {100 * missing:.3g}% of the readings of {member.name} are missing, more than "
                f"profiles.most_missing ({100 * study.profiles.most_missing:g}%); leave its column out and give annual_kwh, so that a typical "
                "profile stands in, or raise profiles.most_missing"
            )
    return found
