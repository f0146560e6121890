"""``python -m experiments.benchmarks``: prints a table of rates and of whole days, and writes it as JSON."""

import argparse
import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

STAGES = ("set-up", "history", "run", "twin", "write")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write."""
    asked = _parser().parse_args(arguments)
    for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(threads, "1")
    from experiments.benchmarks.days import (
        measured_apart,
    )  # numpy reads how many threads it may use when it is first imported
    from experiments.benchmarks.parts import all_rates

    sizes = sorted({asked.homes if asked.quick else 100, asked.homes})
    rates = all_rates(quick=asked.quick)
    print("\n".join(f"{name:<58} {value:>14,.0f}" for name, value in rates.items()), flush=True)
    days = []
    print(
        f"\n{'a day of':<14}"
        + "".join(f"{stage + ' [s]':>13}" for stage in STAGES)
        + f"{'memory [MB]':>13}{'messages':>11}"
    )
    for homes in sizes:
        days.append(measured_apart(homes, twin=not asked.quick))
        print(_line(days[-1]), flush=True)
    found = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": _machine(),
        "rates": rates,
        "days": days,
    }
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks", description=__doc__)
    parser.add_argument(
        "--homes", type=int, default=1000, help="homes of the larger day (beside one of 100); default 1000"
    )
    parser.add_argument(
        "--quick", action="store_true", help="small numbers, one day, no twin: whether it works, not how fast"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here")
    return parser


def _line(day: dict[str, Any]) -> str:
    seconds = "".join(f"{day['cpu_s'].get(stage, 0.0):>13.2f}" for stage in STAGES)
    return f"{day['homes']:>5} homes   {seconds}{day['peak_mb']:>13,.0f}{day['messages']:>11,}"


def _machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}


if __name__ == "__main__":
    raise SystemExit(main())
