"""From messages to the market's own records and back: session requests, participants, bids and what became of them."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace

import numpy as np

from data.arrays import F64, I64
from environment.messages.procurement import Bid, ParticipantFile, SessionRequest
from markets.bids import BidColumns, NeedColumns, Sensitivities, names
from markets.clearing.outcome import Clearing
from markets.products import FlexibilityProduct, LocalArea, Remuneration, Window
from markets.qualification import PAPERS as KINDS
from markets.qualification import Contract, Paper, Participant
from markets.session import Session, SessionTerms

OWN = frozenset({"constraint", "violation", "areas", "sensitivity", "need_kw", "headroom_up_kw", "headroom_down_kw"})
"""Fields of a session request that differ from constraint to constraint; the others are the session's."""


REMUNERATION: Mapping[str, Remuneration] = {
    "activation": "activation", "availability": "availability", "availability+activation": "both",
}  # fmt: skip
"""Forms of remuneration as a session request names them, in the words of the product."""


def relief_eur_per_kwh(request: SessionRequest) -> float:
    """The most that a kWh may cost that is bought and called: the caps of both price terms."""
    return request.price_cap_eur_per_kwh + held_cap_eur_per_kw_h(request)


def held_cap_eur_per_kw_h(request: SessionRequest) -> float:
    """The highest availability price of a bid; 0 where availability is not paid."""
    return 0.0 if request.remuneration == "activation" else request.availability_cap_eur_per_kw_h


def malformed(request: SessionRequest, opens_ms: int) -> str:
    """What is wrong with the request of one constraint; empty if a session can be held on it."""
    steps = {len(profile) for profile in (request.need_kw, request.headroom_up_kw, request.headroom_down_kw)}
    checks = [
        (len(steps) == 1 and 0 not in steps, "need and headrooms must have the same intervals, at least one"),
        (len(request.sensitivity) == len(request.areas), "sensitivity must have one value for each area"),
        (len(request.activation_from_ms) == len(request.activation_to_ms), "activation windows must begin and end"),
        (relief_eur_per_kwh(request) > 0.0, "the price cap must be above 0"),
    ]
    wrong = [text for holds, text in checks if not holds]
    if wrong:
        return "; ".join(wrong)
    try:
        requested_session([request], opens_ms)
    except ValueError as error:  # the product or the session's terms contradict themselves, and say in what
        return str(error)
    return ""


def contradicts(request: SessionRequest, first: SessionRequest, known: Container[str]) -> str:
    """Why a request cannot be one of a session with a first one, in which constraints are known; empty if it can."""
    if request.constraint in known:
        return f"there is a request for {request.constraint} already"
    names_ = [name for name in request.__struct_fields__ if name not in OWN]
    odd = [name for name in names_ if not np.array_equal(getattr(request, name), getattr(first, name))]
    if len(request.need_kw) != len(first.need_kw):
        odd.append("number of intervals")
    return f"requests of one session differ in {', '.join(odd)}" if odd else ""


def contract_of(request: SessionRequest, fsp: str) -> Contract:
    """The contract that a cleared bid makes: the FSP serves the DSO in the session's window."""
    to_ms = request.from_ms + round(request.step_s * 1000) * len(request.need_kw)
    return Contract(
        contract=f"{request.session}/{fsp}", holder=fsp, counterpart=request.dso, window=Window(request.from_ms, to_ms)
    )


def areas_of(requests: Sequence[SessionRequest]) -> tuple[str, ...]:
    """The areas of a session: all that its requests name; of a single request as it names them."""
    if len(requests) == 1:
        return requests[0].areas
    return tuple(sorted({area for request in requests for area in request.areas}))


def requested_session(requests: Sequence[SessionRequest], opens_ms: int) -> Session:
    """The session that the requests of all its constraints ask for."""
    first = requests[0]
    step_ms = round(first.step_s * 1000)
    window = Window(first.from_ms, first.from_ms + step_ms * len(first.need_kw))
    areas = areas_of(requests)
    product = FlexibilityProduct(
        name=first.product,
        direction="up" if first.direction == "up" else "down",
        area=LocalArea("zone", areas),
        capacity_min_kw=first.min_quantity_kw,
        capacity_max_kw=first.max_quantity_kw,
        granularity_kw=first.granularity_kw,
        interval_ms=step_ms,
        service_window=window,
        activation_windows=_windows(first),
        estimated_activation_h=first.estimated_activation_h,
        max_duration_ms=round(first.max_duration_s * 1000),
        announcement_ms=round(first.announcement_s * 1000),
        full_activation_ms=round(first.full_activation_s * 1000),
        min_acceptance_kw=first.min_acceptance_kw,
        divisible=first.divisible,
        product_type="availability" if first.remuneration == "availability" else "activation",
        remuneration=REMUNERATION[first.remuneration],
        activation_cap_eur_per_kwh=first.price_cap_eur_per_kwh,
        availability_cap_eur_per_kw_h=first.availability_cap_eur_per_kw_h,
        baseline=first.baseline,
        exclusive=first.exclusive,
    )
    terms = SessionTerms(
        auction=first.session,
        dso=first.dso,
        product=product,
        areas=areas,
        opens_ms=opens_ms,
        gate_ms=first.gate_ms,
    )
    return Session(
        terms, need_columns(requests, window.from_ms + step_ms * np.arange(len(first.need_kw), dtype=np.int64))
    )


def _windows(request: SessionRequest) -> tuple[Window, ...]:
    edges = zip(request.activation_from_ms.tolist(), request.activation_to_ms.tolist(), strict=True)
    return tuple(Window(round(begin), round(end)) for begin, end in edges)


def need_columns(requests: Sequence[SessionRequest], t_ms: I64) -> NeedColumns:
    """One row for each constraint in need and interval."""
    needy = [request for request in requests if request.need_kw.any()]
    return _columns([(request.constraint, request.direction == "up", request.need_kw) for request in needy], t_ms)


def headroom_columns(requests: Sequence[SessionRequest], t_ms: I64) -> NeedColumns:
    """What the constraints bear, one row for each constraint, direction and interval in which something is needed."""
    needed = np.any([request.need_kw > 0.0 for request in requests], axis=0)
    rows = [(request.constraint, True, request.headroom_up_kw[needed]) for request in requests]
    rows += [(request.constraint, False, request.headroom_down_kw[needed]) for request in requests]
    return _columns(rows, t_ms[needed])


def _columns(rows: Sequence[tuple[str, bool, F64]], t_ms: I64) -> NeedColumns:
    steps = len(t_ms)
    return NeedColumns(
        np.repeat(names(name for name, _, _ in rows), steps),
        np.repeat(np.array([up for _, up, _ in rows], bool), steps),
        np.tile(t_ms, len(rows)),
        np.concatenate([np.zeros(0), *(kw for _, _, kw in rows)]),
    )


def network_of(requests: Sequence[SessionRequest]) -> Sensitivities:
    """How the areas of a session act on its constraints."""
    areas, constraints = areas_of(requests), tuple(request.constraint for request in requests)
    acting = [dict(zip(request.areas, request.sensitivity.tolist(), strict=True)) for request in requests]
    return Sensitivities.of(constraints, areas, acting)


def participant_of(file: ParticipantFile) -> Participant:
    """A participant with the papers that it handed in."""
    known = [paper for paper in KINDS if paper in file.papers]
    papers = tuple(
        Paper(kind=paper, reference=f"{file.fsp}/{paper}", valid_until_ms=file.valid_until_ms) for paper in known
    )
    return Participant(fsp=file.fsp, papers=papers)


def book_rows(record: Bid, received_ms: int, divisible: bool) -> BidColumns:
    """A bid's intervals with a quantity as rows of the book, named ``bid#k``."""
    places = np.flatnonzero(record.quantity_kw > 0.0)
    n, step_ms = len(places), round(record.step_s * 1000)
    return BidColumns(
        names(f"{record.bid}#{k:03d}" for k in places),
        names([record.fsp] * n),
        names([record.area] * n),
        np.full(n, record.direction == "up"),
        record.from_ms + step_ms * places,
        record.quantity_kw[places],
        np.full(n, record.price_eur_per_kwh),
        np.full(n, received_ms, np.int64),
        np.full(n, record.min_acceptance_kw),
        np.full(n, divisible),
    )


def at_cost(rows: BidColumns, bids: Mapping[str, Bid]) -> BidColumns:
    """Rows of the book at what accepting them costs: activation and availability price.

    Power is bought for intervals in which it is needed, so that all of it is expected to be called: a kW accepted for an hour costs its
    availability and the energy of that hour.
    """
    held = [bids[name.rpartition("#")[0]].availability_eur_per_kw_h for name in rows.bid.tolist()]
    return replace(rows, price_eur_per_kwh=rows.price_eur_per_kwh + np.array(held, np.float64))


def price_terms(request: SessionRequest, record: Bid, paid: float) -> tuple[float, float]:
    """What is paid for a kWh called and for a kW held ready for an hour, of a price for both; the availability price as it was bid.

    What a pricing rule pays above the bid comes with the energy, unless availability is all that is paid.
    """
    if request.remuneration == "availability":
        return 0.0, paid
    held = record.availability_eur_per_kw_h
    return (max(round(paid - held, 9), 0.0), held) if held and paid else (paid, held)


def rows_by_bid(clearing: Clearing) -> dict[str, list[tuple[int, int]]]:
    """Bid -> its rows in the book, each with its interval."""
    found: dict[str, list[tuple[int, int]]] = {}
    for row, name in enumerate(clearing.bids.bid.tolist()):
        bid, _, interval = name.rpartition("#")
        found.setdefault(bid, []).append((row, int(interval)))
    return found


def outcome_of(clearing: Clearing, price: F64, record: Bid, found: list[tuple[int, int]]) -> tuple[F64, float, str]:
    """Accepted power per interval, mean price paid, and the first reason why not all was taken."""
    rows = [row for row, _ in found]
    cleared = np.zeros(len(record.quantity_kw))
    cleared[[interval for _, interval in found]] = clearing.accepted_kw[rows]
    total = clearing.accepted_kw[rows].sum()
    paid = float((clearing.accepted_kw[rows] * price[rows]).sum() / total) if total else 0.0
    return cleared, paid, next((str(clearing.reason[k]) for k in rows if clearing.reason[k]), "")
