"""The parts of a report page: HTML that needs nothing from elsewhere, prints well, and says what is missing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

CSS: Final = """
:root { --ink: #1a1a1a; --soft: #5c5c5c; --line: #dcdcdc; --with: #0072B2; --without: #D55E00; --good: #00664b; --bad: #a33b00; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", Arial, sans-serif; color: var(--ink); background: #fff;
       max-width: 1100px; margin: 0 auto; padding: 1.2rem 1.5rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: .4rem 0 .3rem; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .5rem; padding-top: .7rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
p { margin: .4rem 0; max-width: 78ch; }
.soft, figcaption { color: var(--soft); font-size: .9rem; }
nav { margin: .8rem 0; font-size: .9rem; }
nav a { margin-right: .9rem; white-space: nowrap; }
a { color: var(--with); }
figure { margin: .8rem 0 1.2rem; overflow-x: auto; }
svg { display: block; height: auto; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: .7rem; margin: 1rem 0; }
.card { border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem; }
.card b { font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.card .soft { display: block; }
.scroll { overflow-x: auto; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(480px, 1fr)); column-gap: 1.2rem; } .plots svg { max-width: 100%; }
details { margin: .6rem 0; } summary { cursor: pointer; font-weight: 600; }
table { border-collapse: collapse; font-size: .88rem; margin: .5rem 0; }
th, td { padding: .18rem .7rem .18rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid #eee; }
th { border-bottom: 1px solid var(--line); font-weight: 600; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; } td.n { white-space: nowrap; }
tr.theme td { font-weight: 600; padding-top: .8rem; border-bottom: 1px solid var(--line); }
.better { color: var(--good); } .worse { color: var(--bad); }
td { overflow-wrap: break-word; } td.u { white-space: nowrap; }
.made { color: var(--good); } .broken, .late { color: var(--bad); font-weight: 600; }
code, pre { font: .88em/1.45 ui-monospace, "DejaVu Sans Mono", monospace; background: #f5f5f5; border-radius: 4px; }
code { padding: .1em .3em; } pre { padding: .7rem .9rem; overflow-x: auto; white-space: pre-wrap; }
@media (max-width: 900px) { table { font-size: .78rem; } th, td { padding-right: .45rem; } }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; } nav { display: none; } h2 { break-after: avoid; }
  figure, .card, tr { break-inside: avoid; } figure, .scroll { overflow: visible; } a { color: inherit; text-decoration: none; }
}
"""


@dataclass(frozen=True)
class Section:
    """One part of the page; ``html`` None says that the run holds nothing for it."""

    id: str
    title: str
    html: str | None
    missing: str = "This run holds nothing for this section."

    def page(self) -> str:
        """The section as HTML."""
        body = self.html if self.html is not None else f'<p class="soft">{escape(self.missing)}</p>'
        return f'<section id="{self.id}"><h2>{escape(self.title)}</h2>\n{body}\n</section>'


def page(title: str, head: str, sections: Sequence[Section]) -> str:
    """The whole document; ``head`` is what stands above the table of contents."""
    links = "\n".join(f'<a href="#{section.id}">{escape(section.title)}</a>' for section in sections)
    body = "\n".join(section.page() for section in sections)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{CSS}</style></head>\n'
        f"<body>\n{head}\n<nav>{links}</nav>\n{body}\n</body></html>\n"
    )


def figure(svg: str, caption: str) -> str:
    """A chart with its caption."""
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table of text; ``numbers`` are the columns set to the right."""
    top = "".join(_cell("th", text, place in numbers) for place, text in enumerate(head))
    body = "".join(f"<tr>{''.join(_cell('td', t, i in numbers) for i, t in enumerate(row))}</tr>\n" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(tag: str, text: str, number: bool) -> str:
    attribute = ' class="n"' if number else ""
    return f"<{tag}{attribute}>{escape(text)}</{tag}>"


def paragraphs(text: str) -> str:
    """Plain text as paragraphs."""
    return "".join(f"<p>{escape(' '.join(part.split()))}</p>" for part in text.split("\n\n") if part.strip())
