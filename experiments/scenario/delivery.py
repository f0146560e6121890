"""What a scenario says about delivery: measurements, verification of limits, reports, settlement (SUC10.4, SUC08.4)."""

from itertools import pairwise
from typing import Self

from pydantic import model_validator

from experiments.scenario.fields import JUDGEMENT, Part, Share, given, refuse

OPEN = "the source leaves times to agreement (SUC08.4 requirement 22); a judgement"


class Delivery(Part):
    """What happens after a day of delivery; all times count from its end."""

    day_ahead_eur_per_kwh: float = given(
        0.107, unit="EUR/kWh", source="mean of the Italian day-ahead zones in 2024 (FfE)", ge=-0.5, le=4
    )
    """Value of energy: what activated energy is sold or bought at beside the price of a bid, and an imbalance costs where nothing was activated."""
    measurements_every_h: int = given(
        6,
        unit="h",
        source="judgement: the source states hourly values and no time by which they are told (SUC10.4 requirement 21)",
        ge=1,
        le=24,
    )
    """Hours between the reports of a gateway, each with all hours since the last; it chains every hour and signs every report."""
    verifies_after_h: float = given(2.0, unit="h", source=JUDGEMENT, ge=0.25, le=240)
    """When the DSOs ask for limits and baselines and check their perimeters."""
    settles_after_h: float = given(3.0, unit="h", source=OPEN, ge=0.25, le=240)
    """When the TSO opens the settlement of each provider."""
    reports_within_h: float = given(5.0, unit="h", source=OPEN, ge=0.5, le=240)
    """Until when preliminary reports count."""
    clarifies_within_h: float = given(8.0, unit="h", source=OPEN, ge=0.5, le=240)
    """Until when clarifications count."""
    final_within_h: float = given(9.0, unit="h", source=OPEN, ge=0.5, le=240)
    """Until when final reports count; then it is settled."""
    limit_tolerance_times: float = given(
        4.0, unit="times", source="judgement: the source states no tolerance", ge=0, le=20
    )
    """Measurements prove that a limit was exceeded if they exceed it by more than so many times the usual distance of the provider's points from
    their baseline (root mean square of hours without activation)."""
    limit_tolerance_kw: float = given(0.5, unit="kW", source=JUDGEMENT, ge=0, le=1000)
    """Least tolerance of a limit."""
    set_point_tolerance: Share = given(
        0.15,
        unit="share of the limit",
        source="judgement: providers ask members for a tenth more than they sold, as one in ten does not deliver",
    )
    """What resources were set to, as their gateways signed it, proves that a limit was exceeded if it exceeds it by more than this."""
    report_tolerance: Share = given(0.05, unit="share", source="judgement: the source states no tolerance")
    """Difference of a report from what was measured that nobody asks about."""
    report_tolerance_kwh: float = given(0.1, unit="kWh", source=JUDGEMENT, ge=0, le=1000)
    """Least difference of an hour that is asked about."""
    monitoring: Share = given(0.99, unit="share", source="judgement: availability of a provider's own telemetry")
    """Share of the hours of which a provider's own monitoring has a value of a point; where it has none it reports what was ordered."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        order = [
            ("settles_after_h", self.settles_after_h), ("reports_within_h", self.reports_within_h),
            ("clarifies_within_h", self.clarifies_within_h), ("final_within_h", self.final_within_h),
        ]  # fmt: skip
        for (earlier, first), (later, second) in pairwise(order):
            if second <= first:
                refuse(f"{later} is {second:g}, not after {earlier} ({first:g}); each step needs the one before")
        if self.verifies_after_h >= self.reports_within_h:
            refuse("verifies_after_h is not before reports_within_h: a DSO checks reports against what it has verified")
        return self
