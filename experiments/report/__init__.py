"""The report of a run: one HTML file that needs nothing else, made from the run folder alone."""

from collections.abc import Callable
from html import escape
from pathlib import Path

from experiments.plots import View
from experiments.report import attacks as report_attacks
from experiments.report import balancing as report_balancing
from experiments.report import communities as report_communities
from experiments.report import delivery as report_delivery
from experiments.report import findings
from experiments.report import heaters as report_heaters
from experiments.report import homes as report_homes
from experiments.report import lights as report_lights
from experiments.report import regulator as report_regulator
from experiments.report import sections as parts
from experiments.report import sessions as report_sessions
from experiments.report.page import Section, page, paragraphs
from experiments.report.refusals import refusals
from experiments.results import Run, open_run

REPORT_FILE = "report.html"

_TWIN = (
    " <i>Without coordination</i> is the twin of the run: the same people, weather and devices, in which nobody procures or activates "
    "flexibility."
)
_SECTIONS: tuple[Callable[[View], Section | None], ...] = (
    report_heaters.heaters,
    report_balancing.balancing,
    report_communities.communities,
    report_homes.service,
    report_lights.lights,
    report_sessions.sessions,
    report_delivery.delivery,
    parts.grid_map,
    parts.grid_day,
    findings.disturbances,
    report_attacks.attacks,
    parts.market,
    refusals,
    parts.activation,
    parts.money,
    report_regulator.regulator,
    parts.home,
    parts.sequence,
    findings.conformance,
    parts.forecasts,
    parts.messages,
    parts.all_figures,
    parts.notices,
    parts.reproduce,
)


def report_html(run: Run) -> str:
    """The report of a run as one HTML document without outside parts.

    What a run is especially about (heaters, a community, a service for households) comes first and is left out elsewhere; other
    sections without data say so, but for runs of heaters, of balancing and of a global market, where nobody trades local flexibility and they are left out.
    """
    view = View(run)
    scenario = view.facts.scenario
    title = scenario.get("title") or scenario.get("name") or run.meta.get("name") or "A run of coflex"
    first, last = (run.local(t).strftime("%d %B %Y") for t in (view.facts.start_ms, view.facts.end_ms - 1))
    days = first if first == last else f"{first} to {last}"
    head = (
        f'<p class="soft">coflex run report</p><h1>{escape(title)}</h1>{paragraphs(scenario.get("about") or "")}'
        f'<p class="soft">{escape(days)}, {escape(parts.facts_of_day(view.facts))}, seed {run.meta["seed"]}. '
        f"Times are local ({escape(run.meta['zone'])}).{_TWIN if view.facts.twin else ''}</p>{parts.key_figures(view)}"
    )
    sections = [section for section in (make(view) for make in _SECTIONS) if section is not None]
    if scenario.get("heaters") or scenario.get("balancing") or scenario.get("global_market"):
        sections = [section for section in sections if section.html]
    return page(title, head, sections)


def write_report(folder: Path | str, path: Path | str | None = None) -> Path:
    """Writes the report of a run folder, by default into it as report.html.

    Args:
        folder: the run folder.
        path: where to write instead.

    Raises:
        ResultsError: the folder is not a run, or holds no figures.
    """
    run = open_run(folder)
    out = Path(path) if path is not None else run.path / REPORT_FILE
    out.write_text(report_html(run), encoding="utf-8")
    return out
