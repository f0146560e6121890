"""What a run needs, imported once by the process that local workers are forked from."""

from importlib import import_module

import environment.census  # noqa: F401 - first: Mesa looks through the stack of whoever imports it, and through every module there is
from experiments.assembly.roles import ROLES
from experiments.assembly.world import PARTS

for _name in (
    "duckdb", "pandas", "pvlib",  # pandas: Arrow looks for it at its first array; pvlib: weather and photovoltaics
    "environment.messages.sizing", "experiments.conformance", "experiments.conformance.acts", "experiments.conformance.provenance",
    "experiments.kpis.complete", "experiments.networks", "experiments.run", "experiments.run.tables", "experiments.scenario.checks",
    "experiments.sweep.design", "experiments.sweep.worker", "experiments.usecases_text",
    *PARTS, *(role.partition(":")[0] for role in ROLES.values()),
):  # fmt: skip
    import_module(_name)
