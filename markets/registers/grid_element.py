"""Grid element id codes: one DSO perimeter, written as the Crowd Balancing Platform writes it (SUC08.1).

Four attributes in a row: EIC code of the distribution system operator (16 characters), ISTAT code of the municipality (6), number of the perimeter (4),
type (``_CS``: a secondary substation, ``_AG``: an aggregate of grid elements). The source names no separators and there are none: lengths are fixed.

Sources: SUC08.1; ENTSO-E, "The Energy Identification Coding Scheme (EIC) Reference Manual", release 5 (structure and check character).
"""

import re
from typing import NamedTuple

_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-"
_CODE = re.compile(r"(?P<eic>.{16})(?P<municipality>.{6})(?P<number>.{4})(?P<kind>_..)", re.DOTALL)
KINDS = {"_CS": "secondary substation", "_AG": "aggregate of grid elements"}
"""Types of perimeters."""


class GridElement(NamedTuple):
    """One DSO perimeter.

    Attributes:
        dso_eic: EIC code of its operator.
        municipality: ISTAT code, six digits.
        number: of the perimeter, four characters.
        kind: one of :data:`KINDS`.
    """

    dso_eic: str
    municipality: str
    number: str
    kind: str

    @property
    def code(self) -> str:
        """The id code as one text."""
        return "".join(self)


def read_grid_element(code: str) -> GridElement:
    """The attributes of an id code.

    Raises:
        ValueError: everything that is wrong with it, in one sentence.
    """
    found = _CODE.fullmatch(code)
    if found is None:
        msg = (
            f"grid element id code {code!r} has {len(code)} characters; it is EIC code (16), ISTAT municipality (6), perimeter number (4) and type "
            f"({' or '.join(KINDS)}) without separators: 29"
        )
        raise ValueError(msg)
    element = GridElement(*found.groups())
    wrong = [
        text
        for text in (
            eic_fault(element.dso_eic, kind="X"),
            ""
            if re.fullmatch(r"\d{6}", element.municipality)
            else f"municipality {element.municipality!r} is not six digits",
            ""
            if re.fullmatch(r"[0-9A-Z]{4}", element.number)
            else f"perimeter number {element.number!r} is not four digits or capitals",
            "" if element.kind in KINDS else f"type {element.kind!r} is none of {', '.join(KINDS)}",
        )
        if text
    ]
    if wrong:
        msg = f"grid element id code {code!r}: {'; '.join(wrong)}"
        raise ValueError(msg)
    return element


def eic_fault(code: str, kind: str) -> str:
    """What is wrong with an EIC code of a kind (X: party, Z: measuring point, Y: area); empty if nothing is."""
    if not re.fullmatch(r"\d{2}[A-Z][0-9A-Z-]{12}[0-9A-Z]", code):
        return f"EIC code {code!r} is not two digits, a letter, twelve characters and a check character"
    if code[2] != kind:
        return f"EIC code {code!r} is of type {code[2]}, not {kind}"
    expected = eic_check_character(code[:15])
    return "" if code[15] == expected else f"EIC code {code!r} ends with {code[15]}, its check character is {expected}"


def eic_check_character(first: str) -> str:
    """The sixteenth character of an EIC code, by the first fifteen: weights 16 to 2, modulo 37."""
    total = sum(weight * _CHARACTERS.index(one) for weight, one in zip(range(16, 1, -1), first, strict=True))
    return _CHARACTERS[36 - (total - 1) % 37]
