"""Answer of the command that sizes a community: size."""

from collections.abc import Iterable
from pathlib import Path

from experiments.cli.output import Answer
from experiments.cli.run import check_place, free_folder
from experiments.progress import progress_bar
from experiments.sizing.study import load_study


def community_sized(name: str, *, seed: int, out: Path | None, sets: Iterable[str], force: bool) -> Answer:
    """Make a study and write its folder; both are checked before anything is computed."""
    study = load_study(name, sets)
    folder = out or free_folder(Path("runs"), f"{study.name}-{seed}")
    check_place(folder)
    from experiments.results import check_out

    check_out(folder, force)
    from experiments.sizing.figures import comparison_text
    from experiments.sizing.run import run_study

    with progress_bar() as report:
        result = run_study(study, seed=seed, out=folder, force=force, progress=report)
    seconds = ", ".join(f"{stage} {wall:.1f} s" for stage, wall in result.wall_s.items())
    table = comparison_text(result.indicators, result.sizes)
    notes = "".join(f"\nnote: {note}" for note in result.notes)
    text = f"{table}\n{notes}\n{seconds}; digest {result.digest}\nreport: {result.out / 'report.html'}"
    data = {
        "out": str(result.out),
        "seed": result.seed,
        "digest": result.digest,
        "wall_s": result.wall_s,
        "indicators": result.indicators,
        "sizes": result.sizes,
        "notes": list(result.notes),
    }
    return Answer(text, data)
