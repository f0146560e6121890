"""Tables of shipped runs for the laws."""

import pytest


class Lived:
    """A run on disk: its tables as data frames, read once."""

    def __init__(self, folder):
        from experiments.results import open_run

        self.run = open_run(folder)
        self.meta = self.run.meta
        self.hours = self.meta["step_ms"] / 3_600_000
        self._frames = {}

    def frame(self, name):
        """One table as a data frame; empty if the run has none."""
        import pandas as pd

        if name not in self._frames:
            has = name in self.run.tables
            self._frames[name] = self.run.tables[name].to_pandas() if has else pd.DataFrame()
        return self._frames[name]

    def wide(self, name, key, value):
        """A long table as a matrix: one row a key (sorted), one column a step."""
        frame = self.frame(name)
        return frame.pivot(index=key, columns="t_ms", values=value).astype(float)

    def net_kw(self, prefix=""):
        """Metered mean net load, one row a meter."""
        energy = self.wide(f"{prefix}meters", "meter", "import_kwh") - self.wide(
            f"{prefix}meters", "meter", "export_kwh"
        )
        return energy / self.hours

    @property
    def prefixes(self):
        """Of the run's own tables and, if it has one, of its twin's."""
        return ["", "twin/"] if "twin/meters" in self.run.tables else [""]


@pytest.fixture(scope="session")
def lived(run_folders):
    """Every shipped run."""
    return [Lived(folder) for folder in run_folders]


@pytest.fixture(scope="session")
def lived_as(run_of):
    """One shipped run, by the name of its scenario."""
    return lambda name: Lived(run_of(name).out)


PILOT_MS = round(35.75 * 3_600_000)
"""A quarter to six in the evening, seen from six in the morning of the day before: the DSO has called an hour of what it took."""


@pytest.fixture(scope="session")
def pilot_evening(small):
    """The shipped service for households with 14 homes on a feeder too weak for them, stopped in a call: (site, world). Look, and do not touch."""
    from experiments.assembly.world import build_world
    from experiments.scenario import load_scenario, scenario_from

    content = load_scenario("homes-flex").as_data()
    content["people"][0]["homes"]["count"] = 14
    content["clock"]["history_days"] = 3
    content["pilot"]["congestion"] = {"limit_kw": 12.0}
    content["pilot"]["control"] = {"retention_days": 3}
    site = small.site(scenario_from(content))
    world = build_world(site)
    world.run(PILOT_MS)
    return site, world


@pytest.fixture(scope="session")
def retrofit_morning(small):
    """The shipped retrofit with ten homes that are learned for a day, stopped on their first morning under control: (site, world). Only look."""
    from experiments.assembly.world import build_world
    from experiments.scenario import load_scenario, scenario_from

    content = load_scenario("heaters-retrofit").as_data()
    content |= {
        "events": [],
        "clock": content["clock"] | {"days": 3},
        "grid": content["grid"] | {"network": "two-stations"},
    }
    content["people"][0]["homes"]["count"] = 10
    content["heaters"] |= {"training_days": 1, "changes": [], "requests": []}
    site = small.site(scenario_from(content))
    world = build_world(site)
    world.run(RETROFIT_MS)
    return site, world


RETROFIT_MS = round(55.75 * 3_600_000)
"""A quarter to eight on the third day: draws of the morning, and commands every quarter of an hour."""
