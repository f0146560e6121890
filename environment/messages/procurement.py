"""Messages of SUC06.1: short-term procurement of flexibility for a congestion that is foreseen."""

from typing import Annotated, ClassVar, Final, Literal, get_args

from environment.messages.base import Item, Profile, Record

Source = tuple[tuple[str, str], ...]
PaperKind = Literal[
    "contact information",
    "fiscal data",
    "access contract",
    "bank details",
    "power of representation",
    "confidentiality agreement",
    "declaration of non-collusion",
]
PAPERS: Final[tuple[PaperKind, ...]] = get_args(PaperKind)
"""What a participant has to hand in (SUC06.1 Info-6)."""


class FlexibilityAvailability(Record, frozen=True, kw_only=True):
    """What an FSP could offer over the following 24 hours in one local area."""

    source: ClassVar[Source] = (("SUC06.1", "N1"), ("SUC06.1", "Info-1"))
    area: Annotated[str, Item("local area of the grid")]
    from_ms: Annotated[int, Item("start of the first step")]
    step_s: Annotated[float, Item("length of a step", ge=1)]
    up_kw: Annotated[Profile, Item("possible reduction of net load", ge=0, catalogue="availability over the next 24 h")]
    down_kw: Annotated[
        Profile, Item("possible increase of net load", ge=0, catalogue="availability over the next 24 h")
    ]


class AvailabilityRequest(Record, frozen=True, kw_only=True):
    """The DERMS asks the FSPs in its grid for what they could offer (the period that the following reports cover)."""

    source: ClassVar[Source] = ()
    from_ms: Annotated[int, Item("start of the period")]
    to_ms: Annotated[int, Item("end of the period")]


class SessionRequest(Record, frozen=True, kw_only=True):
    """The DSO asks the market operator for a session: the need and the product.

    One request for each element that the session is about: those in need, and those that need nothing (0) but could be brought to
    their limit by the flexibility that relieves the others. Each names the areas that act on its own element; the areas of all requests are
    those of the session.
    """

    source: ClassVar[Source] = (("SUC06.1", "N2"), ("SUC06.1", "Info-2"), ("SUC06.1", "Info-3"))
    session: Annotated[str, Item("auction id", catalogue="auction id", umei="marketId")]
    dso: Annotated[str, Item("associated DSO", catalogue="associated DSO")]
    product: Annotated[str, Item("flexibility product", catalogue="product type")]
    negotiation: Annotated[str, Item("negotiation type", one_of=("auction",), catalogue="negotiation type")]
    violation: Annotated[
        str, Item("what is foreseen", one_of=("overload", "undervoltage", "overvoltage"), catalogue="violation type")
    ]
    constraint: Annotated[str, Item("the network element", catalogue="location")]
    constraints: Annotated[int, Item("number of elements that this session is about, one request each", ge=1)]
    direction: Annotated[str, Item("up: less net load", one_of=("up", "down"), umei="regulationType", uftp="Direction")]
    areas: Annotated[
        tuple[str, ...],
        Item("local areas of the session that act on it", catalogue="local area", umei="flexibilityZoneId"),
    ]
    sensitivity: Annotated[
        Profile, Item("relief at the constraint per kW of each of them; negative: it makes it worse")
    ]
    from_ms: Annotated[int, Item("start of the service window", catalogue="service window", umei="periodFrom")]
    step_s: Annotated[float, Item("length of an interval", ge=1)]
    need_kw: Annotated[
        Profile,
        Item("relief needed at the constraint per interval", ge=0, catalogue="desired value", umei="flexibilityNeed"),
    ]
    headroom_up_kw: Annotated[
        Profile, Item("how much flexibility up the constraint bears per interval before it is violated itself", ge=0)
    ]
    headroom_down_kw: Annotated[Profile, Item("the same of flexibility down", ge=0)]
    gate_ms: Annotated[int, Item("gate closure")]
    price_cap_eur_per_kwh: Annotated[float, Item("highest price", ge=0)]
    announcement_s: Annotated[
        float, Item("notice between confirmation and activation", ge=0, catalogue="activation announcement")
    ]
    full_activation_s: Annotated[float, Item("time to full activation", ge=0)]
    granularity_kw: Annotated[float, Item("step of quantities", ge=0)]
    min_quantity_kw: Annotated[float, Item("smallest bid", ge=0)]
    max_quantity_kw: Annotated[float, Item("largest bid", ge=0)]
    min_acceptance_kw: Annotated[float, Item("least that may be accepted of a bid", ge=0)]
    divisible: Annotated[bool, Item("a part of a bid may be accepted")]
    max_duration_s: Annotated[float, Item("longest activation without a break", ge=0)]
    estimated_activation_h: Annotated[float, Item("hours of activation expected", ge=0, catalogue="availability")]
    activation_from_ms: Annotated[Profile, Item("starts of the activation windows", catalogue="activation window")]
    activation_to_ms: Annotated[Profile, Item("their ends", catalogue="activation window")]
    exclusive: Annotated[bool, Item("no second contract of the FSP in the window")]
    remuneration: Annotated[
        str,
        Item(
            "form of remuneration",
            one_of=("activation", "availability", "availability+activation"),
            catalogue="form of remuneration",
        ),
    ]
    baseline: Annotated[str, Item("baseline method")]
    availability_cap_eur_per_kw_h: Annotated[float, Item("highest availability price", ge=0)] = 0.0


class SessionRefusal(Record, frozen=True, kw_only=True):
    """The market operator refuses a session request that contradicts itself or the session it belongs to."""

    source: ClassVar[Source] = ()
    session: Annotated[str, Item("auction id")]
    held: Annotated[bool, Item("the session goes on without this request")]
    reason: Annotated[str, Item("what is wrong")]


class QualificationRequest(Record, frozen=True, kw_only=True):
    """The market operator asks a possible participant for its papers."""

    source: ClassVar[Source] = ()
    session: Annotated[str, Item("auction id")]
    papers: Annotated[tuple[str, ...], Item("documents needed")]


class ParticipantFile(Record, frozen=True, kw_only=True):
    """The papers of an FSP that wants to bid."""

    source: ClassVar[Source] = (("SUC06.1", "Info-6"),)
    fsp: Annotated[str, Item("who it is")]
    areas: Annotated[tuple[str, ...], Item("local areas of its portfolio")]
    papers: Annotated[
        tuple[str, ...], Item("documents handed in, of the seven that are needed", catalogue="contact information")
    ]
    valid_until_ms: Annotated[int, Item("end of validity of the first to expire")]


class QualificationDecision(Record, frozen=True, kw_only=True):
    """The market operator admits an FSP, or names what is missing."""

    source: ClassVar[Source] = ()
    admitted: Annotated[bool, Item("may bid")]
    missing: Annotated[tuple[str, ...], Item("documents missing or expired")]


class SessionPublication(Record, frozen=True, kw_only=True):
    """The need, published to the FSPs that can help; intervals without need carry 0."""

    source: ClassVar[Source] = (("SUC06.1", "Info-1"), ("SUC06.1", "Info-2"), ("SUC06.1", "Info-3"))
    session: Annotated[str, Item("auction id", catalogue="auction id")]
    dso: Annotated[str, Item("associated DSO", catalogue="associated DSO")]
    product: Annotated[str, Item("flexibility product", catalogue="product type")]
    negotiation: Annotated[str, Item("negotiation type", one_of=("auction",), catalogue="negotiation type")]
    able: Annotated[
        tuple[str, ...], Item("FSPs able to relieve the congestion", catalogue="FSP ids able to relieve the congestion")
    ]
    direction: Annotated[str, Item("up: less net load", one_of=("up", "down"))]
    areas: Annotated[tuple[str, ...], Item("local areas that can help", catalogue="local area")]
    from_ms: Annotated[int, Item("start of the service window", catalogue="service window")]
    step_s: Annotated[float, Item("length of an interval", ge=1)]
    need_kw: Annotated[Profile, Item("relief needed per interval", ge=0, catalogue="availability")]
    gate_ms: Annotated[int, Item("gate closure")]
    price_cap_eur_per_kwh: Annotated[float, Item("highest price", ge=0)]
    granularity_kw: Annotated[float, Item("step of quantities", ge=0)]
    min_quantity_kw: Annotated[float, Item("smallest bid", ge=0)]
    activation_from_ms: Annotated[Profile, Item("starts of the activation windows", catalogue="activation window")]
    activation_to_ms: Annotated[Profile, Item("their ends", catalogue="activation window")]
    announcement_s: Annotated[float, Item("notice before activation", ge=0, catalogue="activation announcement")]
    remuneration: Annotated[str, Item("form of remuneration", catalogue="form of remuneration")]
    availability_cap_eur_per_kw_h: Annotated[float, Item("highest availability price", ge=0)] = 0.0


class Bid(Record, frozen=True, kw_only=True):
    """Price and quantity of an FSP in one area, per interval of the window."""

    source: ClassVar[Source] = (("SUC06.1", "Info-4"),)
    bid: Annotated[str, Item("bid id, chosen by the FSP", umei="id")]
    session: Annotated[str, Item("auction id", umei="marketId")]
    fsp: Annotated[str, Item("who offers", catalogue="FSP id", umei="ownerOrganizationId")]
    area: Annotated[str, Item("where", umei="gridNodeId")]
    direction: Annotated[str, Item("up: less net load", one_of=("up", "down"), umei="regulationType")]
    from_ms: Annotated[int, Item("start of the first interval", umei="periodFrom")]
    step_s: Annotated[float, Item("length of an interval", ge=1)]
    quantity_kw: Annotated[Profile, Item("offered per interval", ge=0, catalogue="quantity", umei="quantity")]
    price_eur_per_kwh: Annotated[float, Item("price", ge=0, catalogue="price", umei="unitPrice")]
    min_acceptance_kw: Annotated[
        float, Item("least that may be accepted of an interval", ge=0, umei="minimumAcceptanceQuantity")
    ]
    availability_eur_per_kw_h: Annotated[
        float, Item("price of a kW held ready for an hour, called or not", ge=0, catalogue="form of remuneration")
    ] = 0.0


class BidReceipt(Record, frozen=True, kw_only=True):
    """The market operator takes a bid into the book, or refuses it with a reason."""

    source: ClassVar[Source] = ()
    bid: Annotated[str, Item("bid id")]
    taken: Annotated[bool, Item("stands in the order book")]
    reason: Annotated[str, Item("why not")]


class BaselineDeclaration(Record, frozen=True, kw_only=True):
    """The baseline that an FSP specifies at bidding time; frozen with its hash where it is kept."""

    source: ClassVar[Source] = (("SUC06.3", "I2"),)
    baseline: Annotated[str, Item("id")]
    session: Annotated[str, Item("auction id")]
    fsp: Annotated[str, Item("who declares", catalogue="FSP", umei="portfolioId")]
    area: Annotated[str, Item("local area of the grid")]
    from_ms: Annotated[int, Item("start of the first interval", umei="periodFrom")]
    step_s: Annotated[float, Item("length of an interval", ge=1)]
    power_kw: Annotated[
        Profile,
        Item(
            "net load without activation; by a method: what the FSP expects",
            catalogue="baseline",
            umei="quantity",
            uftp="BaselinePower",
        ),
    ]
    method: Annotated[str, Item("baseline rule; of a declared schedule the powers stand")] = "declared-schedule"
    parameters: Annotated[tuple[str, ...], Item("parameters of the rule, name=value")] = ()
    eligible: Annotated[tuple[str, ...], Item("local dates of the days that the rule may look at, oldest first")] = ()
    meters: Annotated[tuple[str, ...], Item("metering points of the portfolio in this area")]
    sha256: Annotated[str, Item("hash of what is declared")]


class ClearingResult(Record, frozen=True, kw_only=True):
    """A cleared bid, reported to the DERMS."""

    source: ClassVar[Source] = (("SUC06.1", "Info-5"),)
    session: Annotated[str, Item("auction id")]
    bid: Annotated[str, Item("bid id")]
    fsp: Annotated[str, Item("who delivers", catalogue="FSP id")]
    area: Annotated[str, Item("where")]
    direction: Annotated[str, Item("up: less net load", one_of=("up", "down"))]
    from_ms: Annotated[int, Item("start of the first interval")]
    step_s: Annotated[float, Item("length of an interval", ge=1)]
    cleared_kw: Annotated[Profile, Item("accepted per interval", ge=0, catalogue="cleared quantity")]
    price_eur_per_kwh: Annotated[float, Item("price paid", ge=0, catalogue="cleared price")]
    unmet_kw: Annotated[Profile, Item("need of the session that nobody covers", ge=0)]
    availability_eur_per_kw_h: Annotated[
        float, Item("paid for a kW held ready for an hour", ge=0, catalogue="cleared price")
    ] = 0.0


class NothingCleared(Record, frozen=True, kw_only=True):
    """The market operator tells the DERMS that a session ended without a cleared bid."""

    source: ClassVar[Source] = ()
    session: Annotated[str, Item("auction id")]
    bids: Annotated[int, Item("number of bids in the book", ge=0)]
    unmet_kw: Annotated[Profile, Item("need of the session that nobody covers, per interval", ge=0)]


class Award(Record, frozen=True, kw_only=True):
    """The market operator tells an FSP what was accepted of its bid."""

    source: ClassVar[Source] = (("SUC06.1", "Info-5"),)
    session: Annotated[str, Item("auction id")]
    bid: Annotated[str, Item("bid id")]
    fsp: Annotated[str, Item("who delivers", catalogue="FSP id")]
    area: Annotated[str, Item("where")]
    from_ms: Annotated[int, Item("start of the first interval")]
    step_s: Annotated[float, Item("length of an interval", ge=1)]
    cleared_kw: Annotated[Profile, Item("accepted per interval", ge=0, catalogue="cleared quantity")]
    price_eur_per_kwh: Annotated[float, Item("price paid", ge=0, catalogue="cleared price")]
    reason: Annotated[str, Item("why not, or not all")]
    availability_eur_per_kw_h: Annotated[
        float, Item("paid for a kW held ready for an hour", ge=0, catalogue="cleared price")
    ] = 0.0


class EngagementRequest(Record, frozen=True, kw_only=True):
    """The DERMS engages an FSP whose bid was cleared; all bids of an FSP in an area are one contract."""

    source: ClassVar[Source] = (("SUC06.1", "N3"),)
    session: Annotated[str, Item("auction id")]
    contract: Annotated[str, Item("contract that the bid belongs to: session, FSP and area")]
    bid: Annotated[str, Item("bid id")]
    fsp: Annotated[str, Item("who delivers", catalogue="FSP id")]
    area: Annotated[str, Item("where")]
    direction: Annotated[str, Item("up: less net load", one_of=("up", "down"))]
    from_ms: Annotated[int, Item("start of the first interval", catalogue="time interval")]
    step_s: Annotated[float, Item("length of an interval", ge=1)]
    engaged_kw: Annotated[Profile, Item("contracted per interval", ge=0, catalogue="value")]
    price_eur_per_kwh: Annotated[float, Item("price paid", ge=0)]
    availability_eur_per_kw_h: Annotated[float, Item("paid for a kW held ready for an hour", ge=0)] = 0.0
