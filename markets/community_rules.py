"""Who may form an energy community: size, distance, proximity to its plants, kind of members, shares in common assets.

A renewable energy community (REC) is tied to a vicinity: no two members, and no member and plant of the community, are farther apart than
the largest distance. A citizen energy community (CEC) is not. Natural persons, small and medium enterprises and local authorities may
control a REC; a CEC natural persons, local authorities and small enterprises.

Sources: SUC01.1, SUC02.1 (rules on REC and CEC, minimum size, maximum distance, shares in percent); Directives (EU) 2018/2001,
article 22, and (EU) 2019/944, article 16, as the catalogue cites them.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

CommunityType = Literal["REC", "CEC"]
MAY_CONTROL = ("household", "sme", "local-authority")
_WHOLE = 1e-6


class Placed(NamedTuple):
    """Something with a name and a place [m]."""

    name: str
    x_m: float
    y_m: float


def size_fault(members: Sequence[str], minimum: int) -> str:
    """Why a community is too small; empty if it is not."""
    if len(members) >= minimum:
        return ""
    return f"{len(members)} members are fewer than the smallest size of {minimum}; find more members or lower minimum_members"


def distance_faults(
    kind: CommunityType, members: Sequence[Placed], plants: Sequence[Placed], most_m: float
) -> list[str]:
    """The members that are too far from each other or from the community's plants; a CEC has no such rule."""
    if kind == "CEC":
        return []
    places = [*members, *plants]
    at = np.array([[one.x_m, one.y_m] for one in places]).reshape(len(places), 2)
    metres = np.hypot(*(at[:, None, :] - at[None, :, :]).transpose(2, 0, 1))
    far = metres > most_m
    far[len(members) :, len(members) :] = False  # plants may be far from each other, not from members
    found = []
    while far.any():
        worst = int(np.argmax(far[: len(members)].sum(axis=1)))
        others = np.flatnonzero(far[worst])
        farthest = int(others[np.argmax(metres[worst, others])])
        more = f" and farther than allowed from {len(others) - 1} more" if len(others) > 1 else ""
        found.append(
            f"{places[worst].name} is {metres[worst, farthest]:.0f} m from {places[farthest].name}{more}, a REC allows {most_m:.0f} m; leave it "
            "out, raise maximum_distance_m where the law allows, or form a CEC"
        )
        far[worst, :] = far[:, worst] = False
    return found


def membership_faults(kind: CommunityType, who: Mapping[str, str]) -> list[str]:
    """The members who may not control a community of this type."""
    return [
        f"{name} is a {what}: {kind}s are controlled by {', '.join(MAY_CONTROL[:-1])} or {MAY_CONTROL[-1]}; leave it out"
        for name, what in who.items()
        if what not in MAY_CONTROL
    ]


def share_fault(shares: Mapping[str, float]) -> str:
    """Why shares in an asset do not make a whole; empty if they do."""
    total = sum(shares.values())
    if abs(total - 1.0) <= _WHOLE:
        return ""
    more = (
        f"take {100.0 * (total - 1.0):.6g}% away"
        if total > 1.0
        else f"say who has the other {100.0 * (1.0 - total):.6g}%"
    )
    return f"the shares sum to {100.0 * total:.6g}%, not to 100%; {more}"
