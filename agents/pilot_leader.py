"""Pilot leader (community manager): supervises the sign-up, agrees on devices, selects installers and approves budgets (SUC13.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

from environment.messages.base import Batch
from environment.messages.homes import (
    AdmissionDecision,
    BudgetDecision,
    DeviceProposal,
    FacilityDeclaration,
    InstallationBudget,
    PilotInvitation,
)
from environment.party import Party, Seat, Work, act, handles


@dataclass(frozen=True)
class LeaderTerms:
    """What a pilot leader is told.

    Attributes:
        aggregator: address of the aggregator.
        installers: addresses of the installers that it selects from.
        places: most households of the pilot.
        site_eur: most that a site may cost.
        total_eur: most that all sites may cost.
    """

    aggregator: str
    installers: Sequence[str]
    places: int
    site_eur: float
    total_eur: float


class PilotLeader(Party):
    """The pilot leader."""

    filed = (PilotInvitation,)

    def __init__(self, seat: Seat, terms: LeaderTerms) -> None:
        super().__init__(seat)
        self._terms = terms
        self._admitted: set[str] = set()
        self._sites = dict.fromkeys(terms.installers, 0)
        self._spent_eur = 0.0

    @handles(FacilityDeclaration)
    def decide_admission(self, batch: Batch[FacilityDeclaration]) -> None:
        """Step 5.2: there is room in the pilot for whoever has something to control; household and aggregator are told."""
        for sender, one in zip(batch.sender.tolist(), batch.records(), strict=True):
            home = self.directory.names[sender]
            reason = "nothing to control" if not one.appliances else ""
            if not reason and len(self._admitted | {home}) > self._terms.places:
                reason = f"all {self._terms.places} places are taken"
            if not reason:
                self._admitted.add(home)
            decision = AdmissionDecision(household=home, approved=not reason, reason=reason)
            self.send(decision, [home, self._terms.aggregator], batch.conversation)

    @handles(DeviceProposal)
    def agree_on_devices(self, batch: Batch[DeviceProposal]) -> None:
        """Step 5.3, the leader's part: agree, and name the installer with the fewest sites so far."""
        proposals = list(batch.records())
        chosen = self.settle_installation(batch.conversation, proposals)
        agreed = [
            DeviceProposal(
                household=one.household, plan_kind=one.plan_kind, assets=one.assets, control_devices=one.control_devices,
                agreed=True, installer=installer,
            )
            for one, installer in zip(proposals, chosen, strict=True)
        ]  # fmt: skip
        self.send(agreed, [self._terms.aggregator] * len(agreed), batch.conversation)

    @act("best_initial_installation_resolution")
    def settle_installation(self, conversation: str, proposals: list[DeviceProposal]) -> Work:
        """Look at what the aggregator proposes, and select an installer for each site."""
        chosen = []
        for one in proposals:
            installer = min(self._sites, key=lambda name: (self._sites[name], name))
            self._sites[installer] += 1
            chosen.append(installer)
            self.register("installation_plans").add(
                t_ms=self.now_ms, household=one.household, by=self.name, control_devices=", ".join(one.control_devices)
            )
        return Work(chosen, conversation, writes=[f"installation_plans/{one.household}" for one in proposals])

    @handles(InstallationBudget)
    def decide_budget(self, batch: Batch[InstallationBudget]) -> None:
        """Step 5.12: a budget is approved while it is within what a site, and all sites, may cost."""
        for sender, one in zip(batch.sender.tolist(), batch.records(), strict=True):
            reason = ""
            if one.budget_eur > self._terms.site_eur:
                reason = f"more than {self._terms.site_eur:g} EUR for a site"
            elif self._spent_eur + one.budget_eur > self._terms.total_eur:
                reason = f"the pilot's {self._terms.total_eur:g} EUR are used up"
            else:
                self._spent_eur += one.budget_eur
            decision = BudgetDecision(
                prosumer_id=one.prosumer_id, budget_eur=one.budget_eur, approved=not reason, reason=reason
            )
            self.send(decision, self.directory.names[sender], batch.conversation)
            self.register("installations").add(
                t_ms=self.now_ms, prosumer=one.prosumer_id, installer=self.directory.names[sender],
                budget_eur=one.budget_eur, approved=not reason, reason=reason,
            )  # fmt: skip
