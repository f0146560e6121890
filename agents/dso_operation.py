"""Operation of a distribution grid: watch it, call flexibility under contract, verify that it comes (SUC06.2).

A call goes to the GDBN, which passes it on, or straight to the technical platform of the FSP (rule 2); the rest is the same.
"""

import numpy as np

from agents.dso_accounts import DsoAccounts
from agents.dso_contracts import Call, Contracts, near_need
from agents.dso_horizon import Outlook
from agents.dso_need import Need
from agents.dso_outlook import LookAhead
from agents.dso_terms import DsoTerms
from data.arrays import F64
from environment.instruments import MeterStore, ScadaView
from environment.messages.activation import (
    ActivationNeed,
    ActivationReport,
    DeliveryDetected,
    DeliveryMeasurement,
    SignalReceipt,
)
from environment.messages.base import Batch
from environment.party import Process, Seat, handles

ROUNDING_KW = 1e-6
"""Less than this is left of a need by rounding alone."""


class GridOperation(DsoAccounts):
    """The control room of a distribution system operator.

    Args:
        seat: place in the world.
        look_ahead: forecast module with the operator's grid model.
        meters: certified meters of its grid.
        scada: real-time measurements.
        terms: who the others are, products and deadlines.
    """

    def __init__(
        self, seat: Seat, look_ahead: LookAhead, meters: MeterStore, scada: ScadaView, terms: DsoTerms
    ) -> None:
        super().__init__(seat, meters, terms)
        self._look_ahead = look_ahead
        self._scada = scada
        self._measured: dict[str, list[tuple[str, float]]] = {}

    def operate(self, parent: str, contracts: Contracts, outlook: Outlook, needs: list[Need]) -> Process:
        """Watch the grid before every block of the window and call what is needed of the contracts."""
        for begin in range(0, contracts.steps, self._terms.block_steps):
            block = slice(begin, min(begin + self._terms.block_steps, contracts.steps))
            from_ms = contracts.from_ms + begin * self._meters.timeline.step_ms
            yield self.until(from_ms - round((self._terms.announcement_s + self._terms.calling_s) * 1000))
            self.bring_up_to_date(contracts)
            now_need = [self._near_need(contracts, outlook, need, from_ms, block) for need in needs]
            if not any(need.max() > 0.0 for need in now_need):
                continue
            calls = contracts.call(needs, now_need, block)
            yield from self._call_until_met(parent, contracts, needs, now_need, block, from_ms, calls)

    def bring_up_to_date(self, contracts: Contracts) -> None:
        """Take in what has become known of the lots before a block is decided: nothing of what was cleared by a market."""

    def _near_need(self, contracts: Contracts, outlook: Outlook, need: Need, from_ms: int, block: slice) -> F64:
        """Need in a block by what SCADA shows now: the forecast, shifted by its present error where the element is measured."""
        point = f"{need.constraint}.p_kw"
        if need.violation != "overload" or not self._scada.shows(point):
            return need.need_kw[block]
        step = (self.now_ms - contracts.from_ms) // self._meters.timeline.step_ms
        return near_need(
            self._look_ahead.model, outlook, need, self._scada, self._meters.timeline, (self.now_ms, from_ms), block,
            contracts.relief_kw(need, step), self._terms.margin_share,
        )  # fmt: skip

    def _call_until_met(
        self, parent: str, contracts: Contracts, needs: list[Need], now_need: list[F64], block: slice, from_ms: int,
        calls: list[Call],
    ) -> Process:  # fmt: skip
        """Call contracts; what an FSP does not confirm is called from the next, until nothing is left: then the need is unmet."""
        while calls:
            children = [self.start(self.activate(parent, call, needs[0], now_need[0], from_ms)) for call in calls]
            kept = yield self.join(children)
            for call, ok in zip(calls, kept, strict=True):
                if not ok:
                    contracts.bar(call, block)
            if all(kept):
                break
            calls = contracts.call(needs, now_need, block)
        left = contracts.unmet(needs, now_need, block)
        if left > ROUNDING_KW:
            self.register("unmet").add(t_ms=from_ms, parent=parent, quantity_kw=left)

    def activate(self, parent: str, call: Call, need: Need, need_kw: F64, from_ms: int) -> Process:
        """One call of one contract: need, notice, confirmation by the FSP, detection, report. True if the FSP confirmed."""
        conversation = self.open("SUC06.2", "1", call.activation, parent=parent)
        point = f"{need.constraint}.loading_percent"
        measured = self._scada.value(point) if self._scada.shows(point) else need.limit
        seen = ActivationNeed(
            need=parent, constraint=need.constraint, measured_percent=float(measured), from_ms=from_ms,
            step_s=self._terms.step_s, need_kw=need_kw,
        )  # fmt: skip
        activation_system = self.at("dso-activation-system")
        yield self.confirm(self.send(seen, activation_system, conversation, system="dso-scada"))
        request = call.request(self.name, self._terms)
        receiver = self._terms.service.fsp_platforms[call.fsp] if self._terms.direct else self._terms.gdbn
        sent = self.send(request, receiver, conversation, system="dso-activation-system")
        self.register_call(conversation, call)
        outcome = yield self.confirm(sent)
        if not outcome.acknowledged:
            return self._give_up(conversation, call, "the dispatch notice was not acknowledged", reached=False)
        receipt = yield from self._wait_receipt(conversation, call.activation)
        if receipt is not None:
            self._baselines.note_heard(call.activation)
        if receipt is None or not receipt.accepted:
            reason = "the FSP did not confirm" if receipt is None else "the FSP refused"
            return self._give_up(conversation, call, reason, reached=True)
        self.owe(conversation, request)
        self.start(self._verify(conversation, call, need, from_ms))
        return True

    def _give_up(self, conversation: str, call: Call, reason: str, *, reached: bool) -> bool:
        """The call does not count: another contract is called."""
        self.void(call.activation, reason, reached=reached)
        self.end(conversation, "failed", reason)
        return False

    def _wait_receipt(self, conversation: str, activation: str) -> Process:
        """The FSP's confirmation or refusal of a call; None if it does not come in time."""
        until_ms = self.now_ms + round(self._terms.receipt_within_s * 1000)
        while True:
            batch = yield self.receive(SignalReceipt, conversation, until_ms)
            if batch is None:
                return None
            for record in batch.records():
                if record.activation == activation:
                    return record

    @handles(DeliveryMeasurement)
    def see_delivery(self, batch: Batch[DeliveryMeasurement]) -> None:
        """Step 1.6: power of resources moved, as the control room's measurements show."""
        moved = batch["before_kw"] - batch["after_kw"]
        for activation, sender, kw in zip(batch["activation"], batch.sender, moved, strict=True):
            self._measured.setdefault(activation, []).append((self.directory.names[sender], float(kw)))

    def _verify(self, conversation: str, call: Call, need: Need, from_ms: int) -> Process:
        """Steps 1.7 and 1.8: SCADA tells the DSO what shows, the DSO reports it to the GDBN."""
        point = f"{need.constraint}.loading_percent"
        before = self._scada.value(point) if self._scada.shows(point) else 0.0
        first_ms = self._meters.timeline.step_ms * int(
            np.argmax(call.ordered_kw > 0.0)
        )  # nothing may be ordered at first
        yield self.until(from_ms + first_ms + round(self._terms.verify_after_s * 1000))
        seen = self._measured.get(call.activation, [])
        if not seen:
            self.end(conversation, "failed", "no delivery shows in SCADA")
            return
        after = self._scada.value(point) if self._scada.shows(point) else 0.0
        moved = float(sum(kw for _, kw in seen))
        detected = DeliveryDetected(
            activation=call.activation,
            constraint=need.constraint,
            before_percent=before,
            after_percent=after,
            moved_kw=moved,
        )
        yield self.confirm(self.send(detected, self.name, conversation, system="dso-scada"))
        sign = 1.0 if call.direction == "up" else -1.0
        report = ActivationReport(
            activation=call.activation, node=call.area, volume_kw=sign * moved, verified=sign * moved > 0.0
        )
        yield self.confirm(self.send(report, self._terms.gdbn, conversation))
        self.end(conversation)

    @handles(DeliveryDetected)
    def note_detection(self, batch: Batch[DeliveryDetected]) -> None:
        """Step 1.7 has arrived at the control room's desk; the process that verifies goes on by itself."""

    @handles(ActivationNeed)
    def note_need(self, batch: Batch[ActivationNeed]) -> None:
        """Step 1.1 has arrived at the activation system, which dispatches automatically."""
