"""How charts of a run look: one style, local clock, SVG without outside parts."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

import matplotlib as mpl
import numpy as np
from matplotlib import dates as untyped_dates
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from data.arrays import F64, I64
from experiments import colours
from experiments.kpis.facts import Facts, summed
from experiments.results import Run
from experiments.results.frame import Frame

_STYLE: Final[Any] = {
    "svg.fonttype": "none",
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.6,
}
_dates: Final[Any] = untyped_dates
_DATE_FORMATS: Final = ["%Y", "%b", "%d %b", "%H:%M", "%H:%M", "%H:%M:%S"]


@dataclass(frozen=True)
class View:
    """A run as charts see it: its facts, and how its instants read on the local clock."""

    run: Run

    @cached_property
    def facts(self) -> Facts:
        """Tables of the run and its twin; what is on disk is canonical already."""
        return Facts(self.run.tables, self.run.twin_tables, self.run.meta)

    @property
    def zone(self) -> ZoneInfo:
        """The local time zone."""
        return ZoneInfo(self.run.meta["zone"])

    def clock(self, t_ms: I64) -> NDArray[np.datetime64]:
        """Instants as UTC datetimes; the axis shows them in local time."""
        begins = self.run.begins.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)
        return np.datetime64(begins, "ms") + np.asarray(t_ms).astype("timedelta64[ms]")

    def time_text(self, t_ms: int) -> str:
        """An instant as people write it: ``19 Jan 18:45``."""
        return self.run.local(t_ms).strftime("%d %b %H:%M")

    def time_axis(self, axes: Axes, span: bool = True, most: int = 10) -> None:
        """Local clock along the horizontal axis with at most so many ticks, by default over the delivery days."""
        # Two hours (days) must do where half hours (half days) are too many, or the locator finds no interval at all.
        locator = _dates.AutoDateLocator(minticks=2 if most < 10 else 4, maxticks=most, tz=self.zone)
        formatter = _dates.ConciseDateFormatter(locator, tz=self.zone, formats=_DATE_FORMATS, show_offset=False)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(formatter)
        if span:
            start, end = self.clock(np.array([self.facts.start_ms, self.facts.end_ms]))
            axes.set_xlim(start, end)
        axes.set_xlabel("local time")

    def step_line(self, axes: Axes, t_ms: I64, values: F64, **style: Any) -> None:
        """A series that holds its value over each step, to the end of the last one; gaps stay gaps."""
        if not len(t_ms):
            return
        step = int(np.diff(t_ms).min()) if len(t_ms) > 1 else self.facts.step_ms
        breaks = np.flatnonzero(np.diff(t_ms) > step) + 1
        t = np.insert(t_ms.astype(float), breaks, t_ms[breaks - 1] + step)
        v = np.insert(values.astype(float), breaks, np.nan)
        t, v = np.append(t, t_ms[-1] + step), np.append(v, values[-1])
        axes.step(self.clock(t.astype(np.int64)), v, where="post", **style)


def with_style(without: bool = False) -> dict[str, Any]:
    """Line style and label of the run with coordination, or of the one without."""
    if without:
        return {"color": colours.WITHOUT, "linestyle": (0, (4, 1.5)), "label": "without coordination", "linewidth": 1.4}
    return {"color": colours.WITH, "label": "with coordination"}


def sums_at(frame: Frame, values: F64) -> tuple[I64, F64]:
    """Values summed by instant."""
    t_ms, place = np.unique(frame.ints("t_ms"), return_inverse=True)
    return t_ms, summed(place, values)


@contextmanager
def chart(width: float = 9.0, height: float = 3.2, rows: int = 1, columns: int = 1, **more: Any) -> Iterator[Any]:
    """A figure in the style of the report with its axes (an array, or one); inches."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, figure.subplots(rows, columns, **more)


def svg(figure: Figure, name: str) -> str:
    """The figure as an SVG element that can stand in a page with others; ``name`` keeps its ids apart from theirs."""
    out = io.StringIO()
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        layout = figure.get_layout_engine()
        if layout is not None:  # once: left to itself, matplotlib draws the whole figure twice for it
            layout.execute(figure)
            figure.set_layout_engine(None)
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return inline_svg(out.getvalue(), name)


def inline_svg(text: str, name: str) -> str:
    """An SVG document as an element for a page: no prologue, ids prefixed with ``name``, width left to the page."""
    element = text[text.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.S)
    element = re.sub(r'\bid="', f'id="{name}-', element)
    element = re.sub(r"url\(#", f"url(#{name}-", element)
    element = re.sub(r'href="#', f'href="#{name}-', element)
    head, _, rest = element.partition(">")
    width = re.search(r'width="([\d.]+)(pt)?"', head)
    limit = f' style="width:100%;max-width:{round(float(width[1]) * 4 / 3)}px"' if width else ""
    head = re.sub(r'\s(?:width|height|xmlns:\w+|xmlns)="[^"]*"', "", head)
    rest = rest.replace("xlink:href=", "href=")
    return f'{head}{limit} role="img">{rest.strip()}'
