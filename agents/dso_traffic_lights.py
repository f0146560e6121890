"""A DSO beside the global market: examines points, sets static and dynamic traffic lights, qualifies pools for local services, buys, verifies delivery."""

from collections.abc import Mapping
from typing import ClassVar

from agents.dso_lights import LightsDesk
from agents.dso_market_limits import LimitDesk
from agents.dso_purchases import PurchaseDesk
from agents.dso_registration import RegistrationDesk
from agents.dso_verification import VerificationDesk
from environment.messages.activation import DeliveryMeasurement
from environment.messages.aggregation import ActivationFeedback, AssetTelemetry, OnboardingFile
from environment.messages.base import Record
from environment.messages.flexibility_register import StaticLight
from environment.office import Desk, Office


class TrafficLightDso(Office):
    """A distribution system operator with technical platform, registry and DERMS."""

    desks: ClassVar[Mapping[str, type[Desk]]] = {
        "registration": RegistrationDesk,
        "lights": LightsDesk,
        "verification": VerificationDesk,
        "limits": LimitDesk,
        "purchases": PurchaseDesk,
    }
    stored = (StaticLight,)
    filed: ClassVar[tuple[type[Record], ...]] = (
        ActivationFeedback,
        AssetTelemetry,
        DeliveryMeasurement,
        OnboardingFile,
    )
