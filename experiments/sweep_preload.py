"""What a run needs, imported once by the server that local workers are forked from."""

from importlib import import_module

from experiments.build_roles import ROLES
from experiments.build_world import PARTS

for _name in (
    "experiments.kpis_complete", "experiments.run", "experiments.run_tables", "experiments.sweep_design", "experiments.sweep_worker",
    *PARTS, *(role.partition(":")[0] for role in ROLES.values()),
):  # fmt: skip
    import_module(_name)
