"""Messages of SUC06.2: activation of contracted flexibility, seen through SCADA."""

from typing import Annotated, ClassVar

from environment.messages.base import Item, Profile, Record

Source = tuple[tuple[str, str], ...]


class ActivationNeed(Record, frozen=True, kw_only=True):
    """SCADA shows that contracted flexibility is needed now."""

    source: ClassVar[Source] = (("SUC06.2", "I1"),)
    need: Annotated[str, Item("the need it is about, as in the DSO's register")]
    constraint: Annotated[str, Item("the network element")]
    measured_percent: Annotated[float, Item("loading or voltage measured, in percent of the limit's unit")]
    from_ms: Annotated[int, Item("start of the period", catalogue="period")]
    step_s: Annotated[float, Item("length of an interval", ge=1)]
    need_kw: Annotated[Profile, Item("relief needed per interval", ge=0, catalogue="quantity")]


class ActivationRequest(Record, frozen=True, kw_only=True):
    """The dispatch notice: what an FSP has to deliver, from when to when; without a market also the DERMS's request ahead of time."""

    source: ClassVar[Source] = (("SUC06.2", "I2"), ("SUC06.1", "N3"))
    activation: Annotated[str, Item("id of the activation")]
    contract: Annotated[str, Item("the contract called upon")]
    dso: Annotated[str, Item("who calls")]
    fsp: Annotated[str, Item("who delivers")]
    area: Annotated[str, Item("where")]
    direction: Annotated[str, Item("up: less net load", one_of=("up", "down"))]
    from_ms: Annotated[int, Item("start of activation", catalogue="start of activation", uftp="StartTime")]
    to_ms: Annotated[int, Item("end of activation", catalogue="end of activation")]
    step_s: Annotated[float, Item("length of an interval", ge=1)]
    ordered_kw: Annotated[
        Profile, Item("amount per interval", ge=0, catalogue="energy or capacity amounts", uftp="OrderedFlexPower")
    ]
    ramp_s: Annotated[float, Item("time allowed to reach the amount", ge=0)]


class ActivationSignal(Record, frozen=True, kw_only=True):
    """An FSP sets a member's resource: by how much its net load has to leave the plan, per step."""

    source: ClassVar[Source] = (("SUC06.2", "I3"), ("SUC06.1", "N3"))
    activation: Annotated[str, Item("id of the activation")]
    direction: Annotated[str, Item("lower or raise net load", one_of=("up", "down"), catalogue="direction")]
    from_ms: Annotated[int, Item("start of the first step")]
    step_s: Annotated[float, Item("length of a step", ge=1)]
    change_kw: Annotated[
        Profile, Item("change of net load against the plan, positive in the direction", ge=0, catalogue="set-point")
    ]


class SignalReceipt(Record, frozen=True, kw_only=True):
    """The FSP confirms to the DSO that the activation signal has been received, and how much it expects to deliver."""

    source: ClassVar[Source] = ()
    activation: Annotated[str, Item("id of the activation")]
    accepted: Annotated[bool, Item("the FSP follows")]
    expected_kw: Annotated[float, Item("mean change that its resources confirmed", ge=0)]


class DeliveryMeasurement(Record, frozen=True, kw_only=True):
    """The measured power of a resource moved: physics speaking in the device's name."""

    source: ClassVar[Source] = (("SUC06.2", "I4"),)
    activation: Annotated[str, Item("id of the activation")]
    before_kw: Annotated[float, Item("power of the resource without the activation, as it had been planned")]
    after_kw: Annotated[float, Item("power of the resource now", catalogue="activation detected from SCADA")]


class DeliveryDetected(Record, frozen=True, kw_only=True):
    """SCADA tells the DSO that delivery shows at the constraint."""

    source: ClassVar[Source] = (("SUC06.2", "I4"),)
    activation: Annotated[str, Item("id of the activation")]
    constraint: Annotated[str, Item("the network element")]
    before_percent: Annotated[float, Item("loading before")]
    after_percent: Annotated[float, Item("loading after", catalogue="activation detected from SCADA")]
    moved_kw: Annotated[float, Item("sum of the changes measured at resources")]


class ActivationReport(Record, frozen=True, kw_only=True):
    """The DSO's verification: where and how much, for the platform's record."""

    source: ClassVar[Source] = (("SUC06.2", "I5"),)
    activation: Annotated[str, Item("id of the activation")]
    node: Annotated[str, Item("node id", catalogue="node id")]
    volume_kw: Annotated[float, Item("change detected", catalogue="volume")]
    verified: Annotated[bool, Item("delivery was seen in the grid")]
