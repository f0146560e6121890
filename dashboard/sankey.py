"""Flows of money as a picture: who pays at the left, what for in the middle, who receives at the right; widths by amount."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

Flow = tuple[str, str, str, float]
"""Payer, receiver, purpose, amount [EUR]."""

_BAR, _GAP, _HEIGHT = 16.0, 14.0, 380.0
_NAMES: Final = 150.0
"""Room for names at both sides."""
_LEAST: Final = 26.0
_OTHERS: Final = "#9a9a9a"


@dataclass
class _Node:
    name: str
    total: float
    x: float
    y: float = 0.0
    height: float = 0.0
    into: float = 0.0
    out: float = 0.0


def sankey(flows: Sequence[Flow], names: Mapping[str, str], shades: Mapping[str, str], wide: float = 1000.0) -> str:
    """An SVG element of flows; pointing at a ribbon tells its amount.

    Args:
        flows: payer, receiver, purpose, amount of at least 0.
        names: of payers and receivers, in their order from the top.
        shades: colour of each.
        wide: width [px]; names keep their size.
    """
    at = (_NAMES, wide / 2 - _BAR / 2, wide - _NAMES - _BAR)
    flows = [flow for flow in flows if flow[3] > 0]
    total = sum(flow[3] for flow in flows)
    if not total:
        return ""
    purposes = sorted({flow[2] for flow in flows}, key=lambda purpose: -_sum(flows, 2, purpose))
    left = [_Node(kind, _sum(flows, 0, kind), at[0]) for kind in names if _sum(flows, 0, kind)]
    middle = [_Node(purpose, _sum(flows, 2, purpose), at[1]) for purpose in purposes]
    right = [_Node(kind, _sum(flows, 1, kind), at[2]) for kind in names if _sum(flows, 1, kind)]
    scale = _HEIGHT / total
    tall = max(_placed(column, scale) for column in (left, middle, right))
    parts = _ribbons(flows, (left, middle, right), scale, names, shades)
    parts += [
        _bar(node, shades.get(node.name, _OTHERS), names.get(node.name, node.name), side)
        for column, side in ((left, "end"), (middle, "over"), (right, "start"))
        for node in column
    ]
    heads = "".join(
        f'<text x="{x}" y="14" text-anchor="{anchor}" class="h">{text}</text>'
        for x, anchor, text in (
            (at[0] + _BAR, "end", "who pays"),
            (at[1] + _BAR / 2, "middle", "what for"),
            (at[2], "start", "who receives"),
        )
    )
    style = "text{font:13px system-ui,'DejaVu Sans',sans-serif;fill:#1a1a1a}.h,.a{fill:#5c5c5c;font-size:12px}path:hover{fill-opacity:.7}"
    return (
        f'<svg viewBox="0 0 {wide:.0f} {tall + 10:.0f}" style="width:100%;max-width:{wide:.0f}px" role="img" aria-label="flows of money">'
        f"<style>{style}</style>{heads}{''.join(parts)}</svg>"
    )


def _sum(flows: Sequence[Flow], place: int, name: str) -> float:
    return sum(flow[3] for flow in flows if flow[place] == name)


def _placed(column: Sequence[_Node], scale: float) -> float:
    """Puts the bars of a column below each other, thin ones with room for their names; returns where it ends."""
    y = 28.0
    for node in column:
        node.height = max(node.total * scale, 1.0)
        slot = max(node.height, _LEAST)
        node.y = y + (slot - node.height) / 2
        node.into = node.out = node.y
        y += slot + _GAP
    return y


def _ribbons(
    flows: Sequence[Flow],
    columns: tuple[Sequence[_Node], ...],
    scale: float,
    names: Mapping[str, str],
    shades: Mapping[str, str],
) -> list[str]:
    """Ribbons from payers to purposes and on to receivers, each in the colour of who pays."""
    left, middle, right = ({node.name: node for node in column} for column in columns)
    order = {name: number for number, name in enumerate(left)}
    place = {name: number for number, name in enumerate(right)}
    parts = []
    for payer in left:
        for purpose in middle:
            eur = sum(flow[3] for flow in flows if flow[0] == payer and flow[2] == purpose)
            if eur:
                parts.append(
                    _ribbon(
                        left[payer],
                        middle[purpose],
                        eur,
                        scale,
                        shades.get(payer, _OTHERS),
                        f"{names[payer]}: {purpose}, {eur:,.2f} EUR",
                    )
                )
    for node in middle.values():
        node.out = node.y
    for purpose in middle:
        for payer, receiver, _, eur in sorted(
            (f for f in flows if f[2] == purpose), key=lambda f: (place[f[1]], order[f[0]])
        ):
            text = f"{names[payer]} to {names[receiver]}: {purpose}, {eur:,.2f} EUR"
            parts.append(_ribbon(middle[purpose], right[receiver], eur, scale, shades.get(payer, _OTHERS), text))
    return parts


def _ribbon(source: _Node, target: _Node, eur: float, scale: float, shade: str, text: str) -> str:
    wide = max(eur * scale, 0.8)
    a, b, top, end = source.x + _BAR, target.x, source.out, target.into
    source.out += eur * scale
    target.into += eur * scale
    m = (a + b) / 2
    path = f"M{a:.1f},{top:.1f}C{m:.1f},{top:.1f} {m:.1f},{end:.1f} {b:.1f},{end:.1f}V{end + wide:.1f}C{m:.1f},{end + wide:.1f} {m:.1f},{top + wide:.1f} {a:.1f},{top + wide:.1f}Z"
    return f'<path d="{path}" fill="{shade}" fill-opacity=".38"><title>{escape(text)}</title></path>'


def _bar(node: _Node, shade: str, name: str, side: str) -> str:
    bar = f'<rect x="{node.x:.1f}" y="{node.y:.1f}" width="{_BAR}" height="{node.height:.1f}" fill="{shade}"/>'
    middle = node.y + node.height / 2
    if side == "over":
        text = f'<text x="{node.x + _BAR + 6:.1f}" y="{middle + 4:.1f}">{escape(name)}</text>'
    else:
        x = node.x - 8 if side == "end" else node.x + _BAR + 8
        text = f'<text x="{x:.1f}" y="{middle - 2:.1f}" text-anchor="{side}">{escape(name)}</text>'
        text += f'<text x="{x:.1f}" y="{middle + 13:.1f}" text-anchor="{side}" class="a">{node.total:,.2f} EUR</text>'
    return bar + text
