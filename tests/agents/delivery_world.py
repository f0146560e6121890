"""A small world of delivery: two DSOs, a TSO, two providers, gateways with meters, the register, balance responsible parties; bids and loads are given."""

import copy
from dataclasses import asdict
from datetime import datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np

from agents.balance_responsible import BalanceResponsible, ResponsibleTerms
from agents.bsp_reports import Monitoring, ReportDesk, ReportTerms
from agents.dso_purchases import PurchaseDesk, PurchaseTerms
from agents.dso_verification import VerificationDesk, VerificationTerms
from agents.pgui import GatewayTerms, Pgui
from agents.tso_settlement import SettlementDesk, SettlementTerms
from environment.addresses import Address, Directory
from environment.bus import Bus
from environment.calendar import Timeline
from environment.chance import Chance
from environment.channels import Channel, Delay
from environment.instruments import MeterStore
from environment.messages.base import columns_of
from environment.messages.delivery import SetPointReading
from environment.messages.global_market import FlexibilityPurchase
from environment.office import Office
from environment.party import Party
from environment.platforms.measurement_desk import MeasurementDesk, MeasurementTerms
from environment.platforms.measurements import Gateway
from environment.platforms.register_store import RegisterStore
from environment.signatures import Signer, Verifier, secret
from environment.world import World
from experiments.conformance import check, report_text
from experiments.usecases import permissions_of_records
from markets.balancing.delivery import Component
from markets.registers.flexibility_register import ConnectionPoint, Status

ROME = ZoneInfo("Europe/Rome")
BEGINS = datetime(2026, 1, 18, tzinfo=ROME)
DAY_MS, HOUR_MS, STEP_MS = 86_400_000, 3_600_000, 900_000
FROM_MS = DAY_MS
NIGHT = FROM_MS + DAY_MS
HOURS = 24
PERIMETERS = {"P1": "dso-a", "P2": "dso-a", "P3": "dso-b"}
POINTS = {  # point: BSP, perimeter
    "home-1/meter": ("bsp-1", "P1"), "home-2/meter": ("bsp-1", "P2"), "home-3/meter": ("bsp-2", "P1"), "home-4/meter": ("bsp-2", "P3"),
}  # fmt: skip
BSPS = ("bsp-1", "bsp-2")
LOAD_KW = 5.0
CALLED = slice(10, 14)
OFFERED_KW, LIMIT_KW = 4.0, 2.0


class TestOffice(Office):
    """An office with whatever desk it is given."""

    __test__ = False


def office(desk):
    return type(f"{type(desk).__name__}Office", (TestOffice,), {"desks": {"desk": type(desk)}})


def pgui(gcp):
    """Address of a point's gateway."""
    return gcp.replace("/meter", "/pgui")


def vector(kw, hours=CALLED):
    found = np.zeros(HOURS)
    found[hours] = kw
    return found


def component(bsp, perimeter, accepted=LIMIT_KW, direction="up"):
    limited = np.full(HOURS, perimeter == "P1")
    left = vector(LIMIT_KW if perimeter == "P1" else OFFERED_KW)
    return Component(bsp, perimeter, direction, 0.3, vector(OFFERED_KW), left, limited, left, vector(accepted))


COMPONENTS = [component(*of) for of in (("bsp-1", "P1"), ("bsp-2", "P1"), ("bsp-2", "P3", OFFERED_KW))]


def purchases_of(component):
    """What the market operator tells each DSO that bought of a component."""
    return [
        FlexibilityPurchase(
            session="MSD", buyer=buyer, bid=f"{component.bsp}/{component.direction}", bsp=component.bsp, direction=component.direction,
            from_ms=FROM_MS, perimeters=(component.perimeter,), bought_kw=kw, price_eur_per_kwh=component.price_eur_per_kwh,
        )
        for buyer, kw in component.bought_kw.items()
        if buyer != "tso"
    ]  # fmt: skip


class Market(Party):
    """A market operator that says what was bought, in the evening before the day."""

    def __init__(self, seat, purchases):
        super().__init__(seat)
        self.purchases = purchases

    def processes(self):
        return [self.tell()]

    def tell(self):
        yield self.until(FROM_MS - 6 * HOUR_MS)
        for one in self.purchases:
            self.send(one, one.buyer, "session")


class Resources(Party):
    """What stands behind the points: shows the gateways ten minutes before the called hours what it is set to."""

    def __init__(self, seat, sets, called):
        super().__init__(seat)
        self.sets, self.called = sets, called
        self.strange = []

    def processes(self):
        return [self.show()]

    def show(self):
        begins_ms = FROM_MS + CALLED.start * HOUR_MS
        yield self.until(begins_ms - HOUR_MS // 6)
        for one in self.strange:
            self.send_from(*one)
        for gcp, kw in sorted(self.sets.items()):
            if kw > 0:
                reading = SetPointReading(
                    activation="order", direction=self.called.get(gcp, "up"), from_ms=begins_ms, to_ms=FROM_MS + CALLED.stop * HOUR_MS, change_kw=kw,
                )  # fmt: skip
                self.send_from(gcp.replace("/meter", "/der"), reading, pgui(gcp))

    def send_from(self, device, record, to):
        directory = self.directory
        self.send_batch(
            type(record), columns_of([record]), directory.numbers([device]), directory.numbers([to]), "orders"
        )


class DeliveryWorld:
    """Build, then ``run``; ``delivers`` is what each point really changes in the called hours [kW]."""

    def __init__(self, delivers=None, components=None, noise=0.0, own=None, gaps=(), insists=(), times=None, baselines=None,
                 channel=None, disturb=None, seed=1, reports_after_s=1800.0, energy="tso", told=None, every_h=1, sets=None):  # fmt: skip
        self.reports_after_s, self.energy, self.every_h = reports_after_s, energy, every_h
        accepted = COMPONENTS if components is None else components
        called = {(one.bsp, one.perimeter): one.accepted_kw[10] for one in accepted}
        self.delivers = {gcp: called.get(of, 0.0) for gcp, of in POINTS.items()} | (delivers or {})
        self.sets = {gcp: abs(kw) for gcp, kw in self.delivers.items()} | (sets or {})
        self.ways = {gcp: "down" for gcp, kw in self.delivers.items() if kw < 0}
        self.components, self.gaps, self.insists, self.times = accepted, gaps, insists, times or {}
        self.own, self.filed = own or {}, baselines
        self.told = [one for component in accepted for one in purchases_of(component)] if told is None else told
        brps = {f"{name}-brp": name for name in BSPS}
        addresses = [
            Address(name, name, (role,), name)
            for role, names in (
                ("dso", ("dso-a", "dso-b")),
                ("tso", ("tso",)),
                ("tso-market-operator", ("tso-market",)),
                ("bsp", BSPS),
                ("production-responsible-party", brps),
            )
            for name in names
        ] + [Address("flexibility-register", "flexibility-register", ("flexibility-register",), "flexibility-register")]
        for gcp in POINTS:
            addresses.append(Address(pgui(gcp), "gateways", ("pgui",), gcp.split("/")[0], device=True))
            addresses.append(Address(gcp, "gateways", ("meter",), gcp.split("/")[0], device=True))
            addresses.append(Address(gcp.replace("/meter", "/der"), "homes", ("der",), gcp.split("/")[0], device=True))
        self.directory = Directory(addresses)
        self.bus = Bus(self.directory, Chance(seed), permissions_of_records(), default=channel or Channel("x", Delay("constant", 1.0)),
                       disturbances=disturb(self.directory) if disturb else ())  # fmt: skip
        self.world = World(self.directory, self.bus)
        self.loads(noise, seed)
        self.store = RegisterStore()
        self.store.put_points([asdict(_point(gcp)) for gcp in POINTS], [])
        self.settle(brps)

    def loads(self, noise, seed):
        """What meters will show: a constant load less what is delivered, with noise of hours."""
        timeline = Timeline(0, STEP_MS, 4 * DAY_MS // STEP_MS)
        self.meters = MeterStore(list(POINTS), timeline)
        rng = np.random.default_rng(seed)
        kw = np.full((len(POINTS), timeline.n), LOAD_KW) + np.repeat(
            noise * rng.normal(size=(len(POINTS), timeline.n // 4)), 4, axis=1
        )
        for row, gcp in enumerate(POINTS):
            first = (FROM_MS + CALLED.start * HOUR_MS) // STEP_MS
            kw[row, first : first + 4 * (CALLED.stop - CALLED.start)] -= self.delivers[gcp]
        self.meters.kw[:], self.meters.known = kw, timeline.n

    def reopen(self):
        """The register begins anew with what its database holds."""
        self.store = copy.copy(self.store)

    def add(self, kind, name, *arguments):
        party = kind(self.world.seat(name), *arguments)
        self.world.add(party)
        setattr(self, name.replace("-", "_"), party)
        return party

    def settle(self, brps):
        days = [(FROM_MS, FROM_MS + DAY_MS)]
        gateways = [Gateway(gcp, Signer(secret(1, "gateway", gcp))) for gcp in POINTS]
        number = self.directory.numbers
        terms = GatewayTerms(tuple(POINTS), tuple(self.meters.names), number([pgui(gcp) for gcp in POINTS]),
                             number(list(POINTS)), number([gcp.replace("/meter", "/der") for gcp in POINTS]), "flexibility-register", self.every_h)  # fmt: skip
        self.add(Pgui, "gateways", gateways, self.meters, terms)
        self.add(Resources, "homes", self.sets, self.ways)
        self.verifier = verifier = Verifier({one.gcp: one.signer.public for one in gateways})
        roles = dict.fromkeys(("dso-a", "dso-b"), "dso") | dict.fromkeys(BSPS, "bsp") | {"tso": "tso"}
        desk = MeasurementDesk(
            lambda: self.store, verifier, MeasurementTerms(roles, {gcp: pgui(gcp) for gcp in POINTS})
        )
        self.add(office(desk), "flexibility-register", {"desk": desk})
        for dso in ("dso-a", "dso-b"):
            own = tuple(name for name, of in PERIMETERS.items() if of == dso)
            points = [gcp for gcp, (_, perimeter) in POINTS.items() if perimeter in own]
            desk = VerificationDesk(
                VerificationTerms(days, "tso", "flexibility-register", own, lambda points=points: points)
            )
            party = type("DsoOffice", (TestOffice,), {"desks": {"desk": VerificationDesk, "purchases": PurchaseDesk}})
            self.add(party, dso, {"desk": desk, "purchases": PurchaseDesk(PurchaseTerms("tso-market", "tso"))})
        self.add(Market, "tso-market", self.told)
        desk = SettlementDesk(SettlementTerms(
            days, PERIMETERS, "flexibility-register", lambda _: self.components,
            lambda: {bsp: [gcp for gcp, (of, _) in POINTS.items() if of == bsp] for bsp in BSPS},
            {bsp: brp for brp, bsp in brps.items()}, self.energy,
        ))  # fmt: skip
        self.add(office(desk), "tso", {"desk": desk})
        for bsp in BSPS:
            desk = ReportDesk(ReportTerms(
                days, "tso", PERIMETERS, f"{bsp}-brp", lambda _, bsp=bsp: self.baselines(bsp),
                lambda *_, bsp=bsp: self.monitoring(bsp), times=self.times.get(bsp, 1.0), insists=bsp in self.insists,
                reports_after_s=self.reports_after_s,
            ))  # fmt: skip
            self.add(office(desk), bsp, {"desk": desk})
        for brp, bsp in brps.items():
            self.add(BalanceResponsible, brp, ResponsibleTerms("tso", {bsp: bsp}))

    def baselines(self, bsp):
        places = {perimeter for of, perimeter in POINTS.values() if of == bsp}
        return {name: np.full(HOURS, LOAD_KW) for name in places} if self.filed is None else self.filed

    def monitoring(self, bsp):
        found = {}
        for gcp, (of, perimeter) in POINTS.items():
            if of == bsp:
                row = self.meters.rows([gcp])
                steps = self.meters.timeline.steps(FROM_MS, FROM_MS + DAY_MS)
                delivered = LOAD_KW - self.meters.kw[row, steps].reshape(HOURS, 4).mean(axis=1)
                delivered = delivered + self.own.get((bsp, perimeter), 0.0)
                ordered = sum(
                    one.accepted_kw for one in self.components if (one.bsp, one.perimeter) == (bsp, perimeter)
                )
                if bsp in self.gaps:
                    delivered = np.where(np.arange(HOURS) == 11, np.nan, delivered)
                found[perimeter] = Monitoring(delivered, ordered + np.zeros(HOURS))
        return found

    def run(self, days=2.6):
        self.world.run(round(days * DAY_MS))
        return self

    # --- what came of it ---------------------------------------------------------------------------------------------------

    def table(self, party, name):
        registers = getattr(self, party.replace("-", "_")).registers
        return SimpleNamespace(**registers[name].columns()) if name in registers else None

    def outcomes(self):
        """Perimeter -> who exceeded a limit, of all that was told."""
        told = self.table("tso", "verification_outcomes")
        return dict(zip(told.perimeter.tolist(), told.exceeding.tolist(), strict=True))

    def ledger(self):
        """(debtor, creditor, purpose) -> EUR, of all parties."""
        found = {}
        for actor in self.world.agents:
            if "ledger" in actor.party.registers:
                rows = actor.party.registers["ledger"].columns()
                for key in zip(rows["debtor"], rows["creditor"], rows["purpose"], rows["eur"], strict=True):
                    found[key[:3]] = round(found.get(key[:3], 0.0) + float(key[3]), 2)
        return found

    def refusals(self, party):
        """Reasons for which a party refused what it was asked."""
        table = self.table(party, "refused_requests")
        return [] if table is None else table.reason.tolist()

    def balances(self):
        """Party -> what it has gained, by the ledgers of all."""
        found = {}
        for (debtor, creditor, _), eur in self.ledger().items():
            found[debtor] = round(found.get(debtor, 0.0) - eur, 2)
            found[creditor] = round(found.get(creditor, 0.0) + eur, 2)
        return found

    def talks(self):
        return {one.name: (one.outcome, one.reason) for one in self.bus.journal.conversations.values()}

    def tables(self):
        """Journal and registers as the conformance check reads them."""
        import pyarrow as pa

        journal = self.bus.journal
        addresses = self.directory.addresses
        plain = {
            "conversations": journal.conversation_table(), "messages": journal.messages(), "acts": journal.act_table(),
            "addresses": {
                "address": [one.name for one in addresses], "party": [one.operator for one in addresses],
                "actors": [list(one.actors) for one in addresses], "operator": [one.operator for one in addresses],
                "device": [one.device for one in addresses],
            },
            "meters": {
                "t_ms": np.tile(self.meters.timeline.starts_ms, len(POINTS)), "meter": np.repeat(np.array(list(POINTS), object), self.meters.timeline.n),
                "import_kwh": np.maximum(self.meters.kw, 0.0).ravel() / 4, "export_kwh": np.maximum(-self.meters.kw, 0.0).ravel() / 4,
            },
        } | {f"content/{name}": columns for name, columns in journal.contents().items()}  # fmt: skip
        for actor in self.world.agents:
            for name, register in actor.party.registers.items():
                columns = register.columns()
                if columns:
                    before = plain.get(name)
                    plain[name] = (
                        columns
                        if before is None
                        else {key: np.concatenate([before[key], columns[key]]) for key in columns}
                    )
        return {
            name: pa.table({key: _listed(column) for key, column in columns.items()}) for name, columns in plain.items()
        }


def conformance(there):
    """The verdict on both use cases, which must be clean."""
    report = check(there.tables(), usecases=["SUC10.4", "SUC08.4"], provenance=True)
    assert report.is_clean, report_text(report)
    return report.usecases


def said_by(name, record, to, conversation="x", **world):
    """Let a party of the world say something that it should not, at noon of the day."""

    def life(party):
        yield party.until(FROM_MS + 12 * HOUR_MS)
        party.send(record, to, conversation)

    there = DeliveryWorld(**world)
    party = next(actor.party for actor in there.world.agents if actor.party.name == name)
    own = party.processes
    party.processes = lambda: [*own(), life(party)]
    return there


def _listed(column):
    if isinstance(column, np.ndarray) and column.ndim == 1 and column.dtype.kind != "O":
        return column
    return [list(one) if isinstance(one, tuple | np.ndarray) else one for one in column]


def _point(gcp):
    bsp, perimeter = POINTS[gcp]
    return ConnectionPoint(
        gcp, bsp, PERIMETERS[perimeter], "mixed", 41.9, 12.5, 4.0, -4.0, 10.0, Status.COMPLETED, perimeter, 4.0, -4.0, "as metered", "T", "Sud", 4
    )  # fmt: skip
