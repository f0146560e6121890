"""Names of copies: a party, home or element of a copied district is called as its original with a mark before it (``copy-2:home-0001``).

A mark stands before the whole name, so that the order of names is the same in every copy. Chance goes by the original's name.
"""

import re
from typing import Final

_MARK: Final = re.compile(r"copy-\d+:")


def marked(copy: int, name: str) -> str:
    """The name that something of the original has in a copy; the original is copy 1 and keeps its names."""
    return name if copy == 1 else f"copy-{copy}:{name}"


def original(name: str) -> str:
    """The name, or text, with the marks of copies taken off."""
    return _MARK.sub("", name) if "copy-" in name else name


def copy_of(name: str) -> int:
    """The number of the copy that a name belongs to; 1 where it has no mark."""
    found = _MARK.match(name) if name.startswith("copy-") else None
    return int(found.group()[5:-1]) if found else 1
