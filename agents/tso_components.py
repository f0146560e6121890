"""The desk of the TSO for the global market: constraints, bid components, the lights it gives them, and who has to know (SUC08.2/3, SUC10.3).

What came in time is the session's: a constraint by its deadline, a bid and its components by the gate, of several versions the last valid one. A
constraint that comes later leaves the session as it is; it acts as a change afterwards, in hours that begin an hour after it or later, and BSPs are told.
Hours that are nearer stay with the DSO; both are on record (table ``late_constraints``).
"""

from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np

from agents.tso_component_book import WAYS
from agents.tso_component_terms import (
    LISTENS_MS,
    NOTICE_MS,
    RESULTS_WITHIN_MS,
    ComponentTerms,
    Running,
    Session,
    adjusted_bid,
    limitation_notice,
    line_limits,
    note_limits,
    note_network,
    platform_results,
    system_need,
)
from data.arrays import F64, I64, Bool
from environment.messages.base import Batch
from environment.messages.global_market import (
    AsmBid,
    ComponentMessage,
    ComponentReceipt,
    ConstraintAssociation,
    DsoConstraint,
    GlobalClearing,
    LocalPlan,
    MarketDataRequest,
    PerimeterData,
    SessionCall,
)
from environment.office import Desk
from environment.party import Process, Work, act, handles
from environment.refusals import refuse
from environment.units import MS_PER_DAY
from markets.global_session import Components, cumulative_kw, excess_kw, limited_kw, tso_lights
from markets.traffic_light import HOURS_OF_DAY

CHANGED_KW = 1e-9  # below this a component is not modified


class ComponentDesk(Desk):
    """Sessions of the global market on the TSO's side.

    Args:
        terms: what it is told.
    """

    def __init__(self, terms: ComponentTerms) -> None:
        self._terms = terms
        self._running: dict[str, Running] = {}

    def processes(self) -> Iterable[Process]:
        """One life a session."""
        return [self._hold(times) for times in self._terms.sessions]

    def _hold(self, times: Session) -> Process:
        terms, party = self._terms, self.party
        yield party.until(times.opens_ms)
        running = Running.of(times, party.open("SUC10.3", "1", times.session), terms)
        self._running[times.session] = running
        call = SessionCall(
            session=times.session, from_ms=times.from_ms, constraints_by_ms=times.constraints_by_ms, gate_ms=times.gate_ms
        )  # fmt: skip
        party.send(call, [*terms.dsos, *terms.bsps, *terms.units, terms.market], running.talk)
        yield party.until(times.constraints_by_ms + LISTENS_MS)
        running.constraints.freeze(times.constraints_by_ms)
        note_limits(self.register, running, terms)
        self.validate_constraints(running)
        if running.constraints.messages:
            self._tell_associations(running)
        yield party.until(times.gate_ms + LISTENS_MS)
        yield from self._verify(running)
        yield party.until(times.from_ms + MS_PER_DAY)
        party.end(running.talk)

    def _session_of(self, from_ms: int) -> Running | None:
        return next((one for one in self._running.values() if one.times.from_ms == from_ms), None)

    def about(self, from_ms: int) -> list[Running]:
        """Sessions about a day of delivery, for who verifies and settles it."""
        return [one for one in self._running.values() if one.times.from_ms == from_ms]

    def _name(self, number: int) -> str:
        return str(self.party.directory.names[number])

    # --- what comes in -------------------------------------------------------------------------------------------------------

    @handles(DsoConstraint)
    def hear_constraint(self, batch: Batch[DsoConstraint]) -> None:
        """Keep what DSOs state of their perimeters; a copy over the platform is the same statement."""
        for row, record in enumerate(batch.records()):
            sender, received = self._name(batch.sender[row]), int(batch.received_ms[row])
            running = self._session_of(record.from_ms)
            reason = self._constraint_fault(record, sender, running)
            if reason or running is None:
                refuse(self.party, batch, row, record.constraint, reason)
            elif (
                running.constraints.take(record, received, int(batch.ids[row]))
                and received >= running.times.constraints_by_ms
            ):
                self._late(running, record, received)

    def _constraint_fault(self, record: DsoConstraint, sender: str, running: Running | None) -> str:
        owner = self._terms.dso_of.get(record.perimeter)
        if sender not in (owner, self._terms.cbp):
            return f"{sender} has no say in perimeter {record.perimeter}"
        if record.dso != owner:
            return f"perimeter {record.perimeter} is {owner}'s, not {record.dso}'s"
        if running is None:
            return "no session is about that day"
        wrong = len(record.colour) != HOURS_OF_DAY or len(record.capability_kw) != HOURS_OF_DAY
        return f"colour and capability need {HOURS_OF_DAY} values" if wrong else ""

    @handles(LocalPlan)
    def hear_plan(self, batch: Batch[LocalPlan]) -> None:
        """Keep what DSOs plan to use themselves, told in time."""
        for row, record in enumerate(batch.records()):
            running = self._session_of(record.from_ms)
            if running is None or int(batch.received_ms[row]) >= running.times.constraints_by_ms:
                refuse(self.party, batch, row, record.perimeter, "no session waits for plans of that day")
            elif self._terms.dso_of.get(record.perimeter) != record.dso or len(record.needed_kw) != HOURS_OF_DAY:
                refuse(
                    self.party,
                    batch,
                    row,
                    record.perimeter,
                    f"not a perimeter of {record.dso}, or not {HOURS_OF_DAY} values",
                )
            else:
                running.constraints.plan(record)

    @handles(AsmBid)
    def hear_bid(self, batch: Batch[AsmBid]) -> None:
        """Keep bids: all that stand at the market operator, and adapted ones from their bidders (SUC10.3/1.8)."""
        for row, record in enumerate(batch.records()):
            sender, running = self._name(batch.sender[row]), self._running.get(record.session)
            if running is None or sender not in (record.bsp, self._terms.market):
                refuse(self.party, batch, row, record.bid, "not the bidder or the market operator, or no such session")
            elif int(batch.received_ms[row]) < running.times.gate_ms + LISTENS_MS:
                running.components.take_bid(record)

    @handles(ComponentMessage)
    def hear_components(self, batch: Batch[ComponentMessage]) -> None:
        """Take bid components into the book or say everything that is wrong with them; repeats change nothing."""
        for row, record in enumerate(batch.records()):
            sender, running = self._name(batch.sender[row]), self._running.get(record.session)
            if running is None:
                refuse(self.party, batch, row, record.bid, f"there is no session {record.session!r}")
                continue
            received = int(batch.received_ms[row])
            restricted = running.constraints.restricted & {
                code for bsp, code in self._terms.matrix() if bsp == record.bsp
            }
            outcome, reasons = running.components.take(
                record, received, self._sender_faults(record, sender), restricted
            )
            self.register("component_messages").add(
                message_id=batch.ids[row], t_ms=received, session=record.session, bid=record.bid, version=record.version, bsp=record.bsp,
                sender=sender, outcome=outcome, reason="; ".join(reasons),
            )  # fmt: skip
            if record.bsp in self._terms.bsps:
                stands = outcome in {"taken", "repeated"}
                receipt = ComponentReceipt(bid=record.bid, version=record.version, stands=stands, reasons=reasons)
                self.party.send(receipt, record.bsp, batch.conversation)

    def _sender_faults(self, record: ComponentMessage, sender: str) -> list[str]:
        """Who may send it, and whether the topology matrix knows it; the rest is the book's."""
        if record.bsp not in self._terms.bsps:
            return [f"{record.bsp} takes no part"]
        if sender not in (record.bsp, self._terms.cbp):
            return [f"{sender} cannot send components of {record.bsp}"]
        known = self._terms.matrix()
        unknown = [code for code in record.perimeters if (record.bsp, code) not in known]
        return [f"{record.bsp} has no point in perimeter {code} by the topology matrix" for code in unknown]

    # --- SUC10.3/1.5, 1.6 ----------------------------------------------------------------------------------------------------

    @act("validate_constraints")
    def validate_constraints(self, running: Running) -> Work:
        """The last constraint of each perimeter that came in time is the session's; where none came nothing limits it."""
        reads = [f"conversations/{running.talk}"]
        return Work(None, running.talk, reads, [f"perimeter_limits/{running.times.session}"])

    def _tell_associations(self, running: Running) -> None:
        """Which constraint meets which points of whom, and what it would leave of a component now."""
        offered, lights, matrix = (
            running.components.offered(provisional=True),
            running.constraints.lights,
            self._terms.matrix(),
        )
        left, place = self._limit(running, offered), {name: k for k, name in enumerate(lights.perimeters)}
        for k in range(len(offered)):
            perimeter, bsp, way = str(offered.area[k]), str(offered.bsp[k]), 0 if offered.up[k] else 1
            if not lights.colour[way, place[perimeter]].any():
                continue
            record = ConstraintAssociation(
                constraint=running.constraints.name_of(perimeter, WAYS[way]), bsp=bsp, bid=str(offered.bid[k]), perimeter=perimeter,
                direction=WAYS[way], points=tuple(matrix.get((bsp, perimeter), ())),
                colour=lights.colour[way, place[perimeter]].astype(np.float64), limited_kw=left[k],
            )  # fmt: skip
            self.party.send(record, bsp, running.talk)

    def _limit(self, running: Running, offered: Components) -> F64:
        """Components within the session's lights; as they are under a scheme that knows no lights."""
        lit = self._terms.with_lights
        return limited_kw(offered, running.constraints.lights, self._terms.limit) if lit else offered.kw.copy()

    # --- SUC08.2/3 and SUC10.3/1.9 to 1.11 -------------------------------------------------------------------------------------

    def _verify(self, running: Running) -> Process:
        """After the gate: what stands is compared with constraints, limited, handed to the clearing, and told; the platform, where it is down, once it is there."""
        running.offered = running.components.offered()
        self._note_excluded(running)
        talk = self.party.open("SUC08.2", "3", running.times.session, running.talk)
        answers = yield from self._market_data(running, talk)
        if answers is not None:
            self.evaluate_activation(running, talk, answers)
        self.compare_with_constraints(running)
        self.assign_lights(running)
        self._feed_clearing(running)
        yield from self._results(running)
        if running.cleared:
            self.register_results(running)
        platform = talk if answers is not None else ""
        yield from self._tell_platform(running, platform)
        self.party.end(talk, *(("completed", "") if platform else ("failed", "the platform did not answer in time")))

    def _tell_platform(self, running: Running, talk: str) -> Process:
        """What is registered on the platform; where it was down, outside of the conversation that failed, and again until it is there."""
        about = talk or f"results:{running.times.session}"
        results = platform_results(running)
        told = [self.party.send(records, [self._terms.cbp] * len(records), about) for records in results]
        self._notify(running, talk)
        for records, sent in zip(results, told, strict=True):
            outcome = yield self.party.confirm(sent)
            lost = [records[row] for row, status in enumerate(outcome.status) if status == "lost"]
            if lost:
                yield from self.deliver(lost, self._terms.cbp, about, until_ms=running.times.from_ms)

    def _note_excluded(self, running: Running) -> None:
        for bid, reason in running.components.excluded().items():
            self.register("excluded_bids").add(t_ms=self.now_ms, session=running.times.session, bid=bid, reason=reason)

    def _market_data(self, running: Running, talk: str) -> Process:
        """SUC08.2/3.1: constraint and cumulative bids of every perimeter; None if the platform is not there."""
        asked = [(name, way) for name in self._terms.all_perimeters for way in WAYS]
        requests = [
            MarketDataRequest(session=running.times.session, perimeter=name, direction=way) for name, way in asked
        ]
        within = self._terms.data_within_s
        answers = yield self.party.ask(requests, [self._terms.cbp] * len(requests), talk, timeout_s=within)
        found = list(answers.records())
        return found if len(found) == len(requests) else None

    @act("activation_evaluation")
    def evaluate_activation(self, running: Running, talk: str, answers: Sequence[PerimeterData]) -> Work:
        """SUC08.2/3.2: what is offered in each perimeter against what it admits, by the own book and by the platform."""
        assert running.offered is not None
        perimeters, session = self._terms.all_perimeters, running.times.session
        own = cumulative_kw(running.offered, perimeters)
        over, place = excess_kw(own, running.constraints.lights), {name: k for k, name in enumerate(perimeters)}
        for one in answers:
            at = (WAYS.index(one.direction), place[one.perimeter])
            self.register("perimeter_evaluations").add(
                t_ms=running.hours_ms, session=session, perimeter=one.perimeter, direction=one.direction, cumulative_kw=own[at],
                on_platform_kw=one.cumulative_kw, excess_kw=over[at],
            )  # fmt: skip
        return Work(None, talk, [f"perimeter_limits/{session}", *running.read], [f"perimeter_evaluations/{session}"])

    @act("compare_with_constraints")
    def compare_with_constraints(self, running: Running) -> Work:
        """SUC10.3/1.9: what is offered in each perimeter against its light; what is left of each component."""
        assert running.offered is not None
        running.limited = self._limit(running, running.offered)
        session = running.times.session
        return Work(None, running.talk, [f"perimeter_limits/{session}", *running.read], [f"bid_components/{session}"])

    @act("assign_tso_dtl")
    def assign_lights(self, running: Running) -> Work:
        """SUC10.3/1.10: every component gets the TSO's light."""
        offered, session = running.offered, running.times.session
        assert offered is not None
        running.light = tso_lights(offered.kw, running.limited)
        for k in range(len(offered)):
            self.register("bid_components").add(
                t_ms=running.hours_ms, session=session, bid=str(offered.bid[k]), bsp=str(offered.bsp[k]), perimeter=str(offered.area[k]),
                direction=WAYS[0] if offered.up[k] else WAYS[1], received_ms=int(offered.received_ms[k]),
                price_eur_per_kwh=float(offered.price_eur_per_kwh[k]), first_kw=running.components.first_kw(str(offered.bid[k]), str(offered.area[k])), offered_kw=offered.kw[k], limited_kw=running.limited[k],
                light=running.light[k],
            )  # fmt: skip
        return Work(None, running.talk, running.read, [f"bid_components/{session}"])

    def _feed_clearing(self, running: Running) -> None:
        """SUC10.3/1.11: all bids, those with components adjusted, and what the own network needs, to the market platform."""
        terms = self._terms
        view, bids, units = terms.view(running.times.from_ms), running.bids, running.components.units()
        note_network(self.register, running, terms, view)
        send = partial(self.party.send, to=terms.market_platform, conversation=running.talk)
        need = system_need(running, terms, view, len(bids) + len(units))
        for message in (need, *line_limits(running, view), *(adjusted_bid(running, bid) for bid in bids), *units):
            send(message)
        running.expected = {*bids, *(one.bid for one in units)}

    # --- SUC10.3/1.13 to 1.15, SUC08.2/3.3 to 3.5 ----------------------------------------------------------------------------

    @handles(GlobalClearing)
    def hear_results(self, batch: Batch[GlobalClearing]) -> None:
        """What the session made of each bid."""
        for row, record in enumerate(batch.records()):
            running = self._running.get(record.session)
            if running is None or self._name(batch.sender[row]) != self._terms.market:
                refuse(self.party, batch, row, record.bid, "not the market operator, or no such session")
            else:
                running.cleared[record.bid] = record

    def _results(self, running: Running) -> Process:
        until_ms = self.now_ms + RESULTS_WITHIN_MS
        while not running.expected <= set(running.cleared) and self.now_ms < until_ms:
            yield self.party.sleep(1.0)

    @act("register_results")
    def register_results(self, running: Running) -> Work:
        """SUC10.3/1.14: validated, accepted and reserved quantities of every period."""
        session = running.times.session
        for bid in sorted(running.cleared):
            one = running.cleared[bid]
            self.register("global_results").add(
                t_ms=running.hours_ms, session=session, bid=bid, bsp=one.bsp, direction=one.direction, validated_kw=one.validated_kw,
                accepted_kw=one.accepted_kw, price_eur_per_kwh=one.price_eur_per_kwh,
            )  # fmt: skip
        return Work(None, running.talk, running.read, [f"global_results/{session}"])

    def _notify(self, running: Running, talk: str) -> None:
        """Limits of every bid of which a component was modified."""
        offered = running.offered
        assert offered is not None
        cut = running.limited < offered.kw - CHANGED_KW
        for bid in running.bids:
            rows = np.flatnonzero((offered.bid == bid) & cut.any(axis=1))
            if len(rows):
                self._send_notice(running, bid, rows, np.asarray(cut[rows].any(axis=0)), talk)

    def _send_notice(self, running: Running, bid: str, rows: I64, hours: Bool, talk: str = "") -> None:
        """Over the platform to who is on it, else directly; with the first hour that changes, an hour before which it is due."""
        offered, times, terms = running.offered, running.times, self._terms
        assert offered is not None
        running.notices += 1
        notice = limitation_notice(running, bid, rows, hours)
        over_platform = bool(talk) and terms.bsps.get(notice.bsp, False)
        self.party.send(notice, terms.cbp if over_platform else notice.bsp, talk if over_platform else running.talk)
        self.register("limitation_notices").add(
            t_ms=self.now_ms, notice=notice.notice, session=times.session, bid=bid, bsp=notice.bsp, due_ms=notice.due_ms,
            first_hour_ms=notice.first_hour_ms,
            limited_kwh=float(np.maximum(offered.kw[rows] - running.limited[rows], 0.0).sum()),
        )  # fmt: skip

    # --- constraints after their deadline --------------------------------------------------------------------------------------

    def _late(self, running: Running, record: DsoConstraint, received_ms: int) -> None:
        """No input of the session; once it is over, the constraint limits hours that begin an hour later."""
        acts = running.hours_ms >= received_ms + NOTICE_MS
        self.register("late_constraints").add(
            t_ms=received_ms, session=running.times.session, constraint=record.constraint, dso=record.dso, perimeter=record.perimeter,
            direction=record.direction, late_s=(received_ms - running.times.constraints_by_ms) / 1000.0, hours=int(acts.sum()),
        )  # fmt: skip
        if self._terms.with_lights and acts.any():
            self.party.start(self._limit_later(running, record, acts))

    def _limit_later(self, running: Running, record: DsoConstraint, acts: Bool) -> Process:
        """Limits of what the session took in a perimeter, where a newer constraint is tighter."""
        while running.offered is None or not running.expected <= set(running.cleared):
            yield self.party.sleep(60.0)
        offered = running.offered
        rows = np.flatnonzero((offered.area == record.perimeter) & (offered.up == (record.direction == "up")))
        taken = running.taken_kw(rows)
        part = offered.rows(rows).with_kw(np.where(acts, taken, 0.0))
        left = limited_kw(part, running.constraints.single(record), self._terms.limit)
        tighter = left < part.kw - CHANGED_KW
        for place in np.flatnonzero(tighter.any(axis=1)).tolist():
            k = rows[place]
            running.limited[k] = np.where(tighter[place], left[place], running.limited[k])
            self._send_notice(running, str(offered.bid[k]), np.array([k]), np.asarray(tighter[place], bool))
