"""Messages of SUC05.2: pools of assets in the balancing services of a transmission system operator (TSO).

Powers of reserves are changes of net load: up is above 0 and means that the grid sees less of it.
"""

from typing import Annotated, ClassVar

from environment.messages.base import Item, Profile, Record

Source = tuple[tuple[str, str], ...]

PRODUCTS = ("fcr", "afrr-up", "afrr-down", "mfrr-up", "mfrr-down")
"""Containment reserve is symmetric; restoration reserves are bought by direction."""
KINDS = ("battery", "ev", "heat_pump", "water_heater")
"""Kinds of assets that a pool can hold."""


class PoolOpening(Record, frozen=True, kw_only=True):
    """The aggregator platform tells small pools that their offers for a day of delivery will be joined."""

    source: ClassVar[Source] = ()
    from_ms: Annotated[int, Item("start of the day of delivery")]
    to_ms: Annotated[int, Item("its end")]


class AssetDataRequest(Record, frozen=True, kw_only=True):
    """A VPP asks the energy management of its members to report their assets until an instant."""

    source: ClassVar[Source] = ()
    until_ms: Annotated[int, Item("until when")]
    horizon_ms: Annotated[int, Item("the first report looks ahead to this instant")]


class AssetMonitoring(Record, frozen=True, kw_only=True):
    """What an asset does, and what its energy management plans for it."""

    source: ClassVar[Source] = (("SUC05.2", "N1"),)
    asset: Annotated[str, Item("which asset", catalogue="asset id")]
    kind: Annotated[str, Item("what it is", one_of=KINDS)]
    power_kw: Annotated[float, Item("mean net load of the interval that ended", catalogue="monitoring data")]
    available: Annotated[bool, Item("it may be used now", catalogue="performance data")]
    from_ms: Annotated[int, Item("start of the first interval planned")]
    step_s: Annotated[float, Item("length of an interval", ge=1)]
    planned_kw: Annotated[Profile, Item("planned net load", catalogue="performance data")]


class PoolBaseline(Record, frozen=True, kw_only=True):
    """The net load that a pool's assets will have without activation; the last one received before an interval counts for it."""

    source: ClassVar[Source] = (("SUC05.2", "N3"),)
    pool: Annotated[str, Item("whose", catalogue="pool id")]
    from_ms: Annotated[int, Item("start of the first interval")]
    step_s: Annotated[float, Item("length of an interval", ge=1)]
    net_kw: Annotated[Profile, Item("net load", catalogue="baseline profile")]


class AssetConstraints(Record, frozen=True, kw_only=True):
    """How far an asset may be moved from its plan without reaching its limits of safety or comfort."""

    source: ClassVar[Source] = (("SUC05.2", "N4"),)
    asset: Annotated[str, Item("which asset", catalogue="asset id")]
    from_ms: Annotated[int, Item("start of the first interval")]
    step_s: Annotated[float, Item("length of an interval", ge=1)]
    low_kw: Annotated[float, Item("lowest net load of the device", catalogue="safety limit")]
    high_kw: Annotated[float, Item("highest net load of the device", catalogue="safety limit")]
    up_kw: Annotated[Profile, Item("possible reduction of net load", ge=0, catalogue="comfort limit")]
    down_kw: Annotated[Profile, Item("possible increase of net load", ge=0, catalogue="comfort limit")]
    up_kwh: Annotated[float, Item("energy that it can do without or give", ge=0, catalogue="comfort limit")]
    down_kwh: Annotated[float, Item("energy that it can take", ge=0, catalogue="comfort limit")]
    fast: Annotated[bool, Item("it can follow the frequency within seconds")]


class NeedsQuery(Record, frozen=True, kw_only=True):
    """A VPP asks what is needed of a product on a day of delivery."""

    source: ClassVar[Source] = ()
    product: Annotated[str, Item("which product", one_of=PRODUCTS)]
    from_ms: Annotated[int, Item("start of the day")]


class BalancingNeeds(Record, frozen=True, kw_only=True):
    """What the TSO needs of a product, block by block."""

    source: ClassVar[Source] = (("SUC05.2", "N5"),)
    product: Annotated[str, Item("which product", one_of=PRODUCTS, catalogue="service")]
    from_ms: Annotated[int, Item("start of the first block", catalogue="period")]
    block_s: Annotated[float, Item("length of a block", ge=1, catalogue="period")]
    needed_kw: Annotated[Profile, Item("power needed in each block", ge=0, catalogue="quantity")]


class ReserveOffer(Record, frozen=True, kw_only=True):
    """Capacity offered for one block of one product."""

    source: ClassVar[Source] = (("SUC05.2", "N7"),)
    offer: Annotated[str, Item("its name")]
    seller: Annotated[str, Item("who offers")]
    product: Annotated[str, Item("which product", one_of=PRODUCTS, catalogue="service")]
    from_ms: Annotated[int, Item("start of the block")]
    to_ms: Annotated[int, Item("its end")]
    baseline_kw: Annotated[
        float, Item("mean net load of the pool in the block without activation", catalogue="baseline")
    ]
    offered_kw: Annotated[float, Item("power offered", ge=0, catalogue="available flexibility")]
    capacity_eur_per_kw_h: Annotated[float, Item("price for holding a kW for an hour", ge=0)]
    energy_eur_per_kwh: Annotated[float, Item("price for a change, beyond the day-ahead value of the energy", ge=0)]


class ReserveAward(Record, frozen=True, kw_only=True):
    """What became of an offer."""

    source: ClassVar[Source] = ()
    offer: Annotated[str, Item("which offer")]
    product: Annotated[str, Item("which product", one_of=PRODUCTS)]
    from_ms: Annotated[int, Item("start of the block")]
    to_ms: Annotated[int, Item("its end")]
    accepted_kw: Annotated[float, Item("power bought", ge=0)]
    price_eur_per_kw_h: Annotated[float, Item("what holding a kW for an hour is paid", ge=0)]
    reason: Annotated[str, Item("why the rest was not bought; empty where nothing is left")]


class ReserveSetPoint(Record, frozen=True, kw_only=True):
    """What an automatic restoration reserve has to reach within its full activation time; it holds until the next one."""

    source: ClassVar[Source] = ()
    product: Annotated[str, Item("which product", one_of=PRODUCTS)]
    power_kw: Annotated[float, Item("power called, in the product's direction", ge=0)]


class BlockCall(Record, frozen=True, kw_only=True):
    """A manual restoration reserve is called for a block, at the latest a full activation time before it is due."""

    source: ClassVar[Source] = ()
    call: Annotated[str, Item("its name")]
    product: Annotated[str, Item("which product", one_of=PRODUCTS)]
    power_kw: Annotated[float, Item("power called, in the product's direction", ge=0)]
    start_ms: Annotated[int, Item("when it is due in full")]
    end_ms: Annotated[int, Item("when it ends")]


class ActivationConstraint(Record, frozen=True, kw_only=True):
    """What an asset has to give the pool: not a command to the device, but a constraint that its energy management adds to its own."""

    source: ClassVar[Source] = (("SUC05.2", "N8"), ("SUC05.2", "N6"))
    asset: Annotated[str, Item("which asset", catalogue="asset or group")]
    droop_kw: Annotated[
        float, Item("power at a full deviation of the frequency, both ways", ge=0, catalogue="constraint")
    ]
    offset_kw: Annotated[
        float,
        Item("reduction of net load against what it would do otherwise; below 0: increase", catalogue="constraint"),
    ]
    reserve_up_kwh: Annotated[float, Item("energy to be kept ready to give", ge=0, catalogue="constraint")]
    reserve_down_kwh: Annotated[float, Item("room to be kept ready to take energy", ge=0, catalogue="constraint")]
    until_ms: Annotated[int, Item("when it ends by itself")]


class DeliveryReport(Record, frozen=True, kw_only=True):
    """What a pool changed over a time, as the devices at its assets measured it against its baseline."""

    source: ClassVar[Source] = (("SUC05.2", "N9"),)
    pool: Annotated[str, Item("whose")]
    from_ms: Annotated[int, Item("start of the first interval")]
    step_s: Annotated[float, Item("length of an interval", ge=1)]
    delivered_kw: Annotated[Profile, Item("mean change, up above 0", catalogue="amount")]
    duration_s: Annotated[float, Item("time over which reserves were held", ge=0, catalogue="duration")]


class ProvisionSettlement(Record, frozen=True, kw_only=True):
    """What a day of one product is settled at."""

    source: ClassVar[Source] = (("SUC05.2", "N10"),)
    seller: Annotated[str, Item("who delivered")]
    product: Annotated[str, Item("which product", one_of=PRODUCTS, catalogue="service")]
    from_ms: Annotated[int, Item("start of the day")]
    capacity_eur: Annotated[float, Item("for capacity held", ge=0, catalogue="settled amount")]
    energy_eur: Annotated[
        float, Item("for changes delivered, beyond the value of the energy", ge=0, catalogue="settled amount")
    ]
    penalty_eur: Annotated[float, Item("for what was missing", ge=0, catalogue="settled amount")]
    value_eur: Annotated[
        float, Item("day-ahead value of the energy, below 0 where it is bought; the balance responsible party's")
    ]
    net_eur: Annotated[float, Item("what the seller gets, all together, in whole cents", catalogue="settled amount")]


class MemberShare(Record, frozen=True, kw_only=True):
    """A home's share of what its pool earned on a day."""

    source: ClassVar[Source] = ()
    pool: Annotated[str, Item("which pool")]
    from_ms: Annotated[int, Item("start of the day")]
    held_kwh: Annotated[float, Item("capacity that its assets held, power times time", ge=0)]
    eur: Annotated[float, Item("its share, in whole cents", ge=0)]
