"""What use cases are called."""

from functools import cache
from pathlib import Path

import data


@cache
def case_name(suc: str) -> str:
    """``SUC06.2 Short term Flexibility activation ...``, of an unknown one its id alone; the line of the name is read, not the whole case."""
    file = Path(data.__file__).parent / "usecases" / f"{suc}.yaml"
    if not file.is_file():
        return suc
    with file.open(encoding="utf-8") as lines:
        name = next((line.partition(":")[2].strip().strip("'\"") for line in lines if line.startswith("name:")), "")
    return f"{suc} {name}".strip()
