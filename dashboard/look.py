"""How the dashboard looks: colours of runs, style of the page, small pieces of HTML."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from experiments import colours

RUN_COLOURS: Final = (colours.WITH, colours.ORANGE, colours.GREEN, colours.PURPLE)
"""Of the first to fourth run, told apart by colour-blind readers; the twin of a run is dashed."""

CSS: Final = """
<style>
.block-container { padding: 2.2rem 2.4rem 4rem; max-width: 1500px; }
[data-testid="stSidebar"][aria-expanded="true"] { min-width: 300px; }
[data-testid="stHeader"] { background: transparent; }
[data-testid="stButtonGroup"] button { padding-left: .7rem; padding-right: .7rem; min-height: 2.1rem; }
h1 { font-size: 1.7rem !important; padding: 0 0 .2rem !important; }
h2 { font-size: 1.25rem !important; padding: .8rem 0 .1rem !important; }
h3 { font-size: 1.02rem !important; padding: .4rem 0 0 !important; }
.cf-soft { color: #5c5c5c; font-size: .9rem; max-width: 90ch; line-height: 1.45; }
.cf-brand { font-size: 1.45rem; font-weight: 700; letter-spacing: -.01em; }
.cf-run { display: flex; align-items: baseline; gap: .45rem; font-weight: 600; margin: .1rem 0 .2rem; }
.cf-run i { display: inline-block; width: .8rem; height: .8rem; border-radius: 3px; flex: none; }
.cf-run span { font-weight: 400; color: #5c5c5c; font-size: .86rem; }
.cf-cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); gap: .6rem; margin: .5rem 0 .7rem; }
.cf-card { border: 1px solid #dfe3e7; border-radius: 8px; padding: .55rem .75rem; font-size: .84rem; line-height: 1.3; background: #fff; }
.cf-card b { display: inline-block; font-size: 1.28rem; font-weight: 650; font-variant-numeric: tabular-nums; margin-top: .2rem; }
.cf-card .cf-soft { font-size: .78rem; display: block; }
.cf-scroll { overflow-x: auto; }
.cf-tall { max-height: 34rem; overflow: auto; }
.cf-tall .cf-scroll { overflow: visible; }
.cf-tall td { overflow-wrap: anywhere; } .cf-tall td:first-child { white-space: nowrap; }
table.cf { border-collapse: collapse; font-size: .88rem; width: 100%; }
table.cf th, table.cf td { padding: .26rem .8rem .26rem 0; border-bottom: 1px solid #ececec; text-align: left; vertical-align: top; }
table.cf th { border-bottom: 1px solid #c9ced3; font-weight: 600; position: sticky; top: 0; background: #fff; }
table.cf .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
table.cf th.n { white-space: normal; vertical-align: bottom; }
table.cf tr.theme td { font-weight: 700; padding-top: .8rem; border-bottom: 1px solid #c9ced3; }
.cf-bill { font: .76rem/1.5 ui-monospace, 'DejaVu Sans Mono', monospace; background: #f6f8fa; border-radius: 8px; padding: .8rem 1rem; overflow-x: auto; }
.cf-command { font: .84rem/1.5 ui-monospace, 'DejaVu Sans Mono', monospace; background: #f6f8fa; border-radius: 8px; padding: .6rem .8rem; margin: 0;
              white-space: pre-wrap; overflow-wrap: anywhere; user-select: all; }
table.cf .what { color: #5c5c5c; font-size: .82rem; min-width: 15rem; max-width: 60ch; }
table.cf .hint { border-bottom: 1px dotted #8a8a8a; cursor: help; }
.better { color: #00664b; } .worse { color: #a33b00; } .broken, .late { color: #a33b00; font-weight: 600; } .made { color: #00664b; }
.cf-change { display: inline-block; background: #eaf3f9; border: 1px solid #c6deec; border-radius: 12px; padding: .06rem .6rem; margin: .12rem .25rem .12rem 0;
             font-size: .84rem; }
ul.cf-told { padding-left: 1.1rem; margin: .2rem 0 .6rem; line-height: 1.5; font-size: .95rem; max-width: 75ch; }
[data-testid="stMain"] [data-testid="stCheckbox"] p { white-space: normal; overflow: visible; }
@media (max-width: 1000px) {
  .block-container { padding: 2rem 1.1rem 3rem; }
  [data-testid="stSidebar"][aria-expanded="true"] { min-width: 220px; max-width: 220px; }
  .cf-bill { font-size: .6rem; padding: .6rem; }
  .st-key-diagram { overflow-x: auto; }
  .st-key-diagram img { max-width: none !important; min-width: 60rem; }
  [data-testid="stMain"] [data-testid="stHorizontalBlock"] { flex-wrap: wrap; }
  [data-testid="stMain"] [data-testid="stColumn"] { min-width: min(100%, 18rem); }
}
</style>
"""


def soft(text: str) -> str:
    """A paragraph that explains."""
    return f'<p class="cf-soft">{escape(text)}</p>'


def command(text: str) -> str:
    """A command as it is typed; a click takes all of it."""
    return f'<pre class="cf-command">{escape(text)}</pre>'


def run_head(name: str, colour: str, more: str = "") -> str:
    """The name of a run with its colour."""
    about = f"<span>{escape(more)}</span>" if more else ""
    return f'<div class="cf-run"><i style="background:{colour}"></i>{escape(name)}{about}</div>'


def changes(changed: Iterable[tuple[str, str, str]], nothing: str) -> str:
    """What is changed, each as a chip: label, what it was, what it is."""
    chips = [_chip(*one) for one in changed]
    return "".join(chips) if chips else soft(nothing)


def _chip(label: str, before: str, after: str) -> str:
    way = f"{before} → " if before and after else f"{before} " if before else ""
    return f'<span class="cf-change">{escape(label)}: {escape(way)}<b>{escape(after)}</b></span>'


def cards(entries: Iterable[tuple[str, str, str, str]]) -> str:
    """Cards of (title, value, unit, what it is compared with)."""
    made = [
        f'<div class="cf-card">{escape(title)}<br><b>{escape(value)}</b> {escape(unit)}<span class="cf-soft">{escape(beside) or "&nbsp;"}</span></div>'
        for title, value, unit, beside in entries
    ]
    return f'<div class="cf-cards">{"".join(made)}</div>'


def table(
    head: Sequence[str],
    lines: Iterable[Sequence[str]],
    numbers: Sequence[int] = (),
    classes: Sequence[Sequence[str]] | None = None,
    hints: Sequence[str] | None = None,
) -> str:
    """A table of text.

    Args:
        head: of the columns.
        lines: cells as text; a line of one cell is a heading over the lines that follow.
        numbers: columns set to the right.
        classes: of each cell, as many as cells; None for none.
        hints: of each line, shown where the mouse points at its first cell; None for none.
    """
    top = "".join(f"<th{_number(place, numbers)}>{escape(text)}</th>" for place, text in enumerate(head))
    body = [
        _heading(line[0], len(head))
        if len(line) == 1
        else _line(line, numbers, classes[at] if classes else None, hints[at] if hints else "")
        for at, line in enumerate(lines)
    ]
    return f'<div class="cf-scroll"><table class="cf"><thead><tr>{top}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'


def _heading(text: str, wide: int) -> str:
    return f'<tr class="theme"><td colspan="{wide}">{escape(text)}</td></tr>'


def _line(line: Sequence[str], numbers: Sequence[int], classes: Sequence[str] | None, hint: str) -> str:
    marks = classes or [""] * len(line)
    shown = [escape(str(text)) for text in line]
    if hint:
        shown[0] = f'<span class="hint" title="{escape(hint, quote=True)}">{shown[0]}</span>'
    cells = [f"<td{_number(place, numbers, marks[place])}>{text}</td>" for place, text in enumerate(shown)]
    return f"<tr>{''.join(cells)}</tr>"


def _number(place: int, numbers: Sequence[int], mark: str = "") -> str:
    names = " ".join(name for name in ("n" if place in numbers else "", mark) if name)
    return f' class="{names}"' if names else ""
