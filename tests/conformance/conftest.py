"""A complete, correct journal of a flexibility day, written message by message: several homes, two FSPs, four use cases."""

from dataclasses import dataclass, field

import pyarrow as pa
import pytest

from environment.messages import digest_rows
from experiments.conformance.mutations import content_digests

HOMES = ("home-0001", "home-0002", "home-0003", "home-0004", "home-0005")
FSPS = {"fsp-mar": HOMES[3:], "fsp-sol": HOMES[:3]}
HOUR = 3_600_000

SYSTEMS = {
    "dso-1": ("dso", {"derms": "derms", "dso-scada": "dso-scada", "dso-activation-system": "dso-activation-system",
                      "dso-database": "dso-database", "dso-settlement-service": "dso-settlement-service"}),
    "lfmo-1": ("lfmo", {"flexibility-market-platform": "flexibility-market-platform"}),
    "dpp-1": ("digital-platform-provider", {}),
}  # fmt: skip


@dataclass
class Scribe:
    """Writes journal tables; every message takes 1.2 s and is acknowledged 1.2 s later."""

    messages: list[dict] = field(default_factory=list)
    contents: dict[str, list[dict]] = field(default_factory=dict)
    acts: list[dict] = field(default_factory=list)
    conversations: list[dict] = field(default_factory=list)
    conversation: str = ""
    now_ms: int = 0
    sent: int = 0

    def open(self, name, suc, scenario, opener, at_ms, parent=None):
        self.conversation, self.now_ms = name, at_ms
        self.conversations.append(
            {"conversation": name, "suc": suc, "scenario": scenario, "parent": parent, "subject": "trafo-1", "opener": opener,
             "opened_ms": at_ms, "ended_ms": None, "outcome": "open", "reason": None}
        )  # fmt: skip

    def close(self, outcome="completed", reason=None):
        self.conversations[-1] |= {"outcome": outcome, "reason": reason, "ended_ms": self.now_ms}

    def send(self, record, senders, receivers, answer_to=None, **content):
        """One message for every sender and receiver, all at one instant; the clock goes on to their arrival."""
        last = ""
        for sender in [senders] if isinstance(senders, str) else senders:
            for receiver in [receivers] if isinstance(receivers, str) else receivers:
                last = self._message(record, sender, receiver, answer_to, content)
        self.now_ms += 1_500
        return last

    def _message(self, record, sender, receiver, answer_to, content):
        row, self.sent = self.sent, self.sent + 1
        name = f"{row:08x}"
        self.messages.append(
            {"row": row, "message_id": name, "conversation": self.conversation, "record": record, "sender": sender,
             "receiver": receiver, "sent_ms": self.now_ms, "delivered_ms": self.now_ms + 1_200,
             "acknowledged_ms": self.now_ms + 2_400, "attempts": 1, "duplicates": 0, "status": "acknowledged",
             "reason": None, "digest": 0, "answer_to": answer_to}
        )  # fmt: skip
        values = {
            "subject": f"{sender}>{receiver}",
            "value": float(row),
            "gate_ms": self.now_ms + HOUR,
            "approved": True,
            "net_eur": 12.5,
            "from_ms": self.now_ms,
        } | content
        self.contents.setdefault(record, []).append({"row": row} | values)
        return name

    def act(self, name, actors, reads=("needs/need-1",), writes=("devices/home-0001",)):
        for actor in [actors] if isinstance(actors, str) else actors:
            self.acts.append(
                {"row": len(self.acts), "act": name, "actor": actor, "conversation": self.conversation,
                 "t_ms": self.now_ms, "reads": list(reads), "writes": list(writes)}
            )  # fmt: skip
        self.now_ms += 10


def aggregation(scribe, number, at_ms):
    ders = [f"{home}/der" for home in HOMES]
    scribe.open(f"SUC05.1/{number}", "SUC05.1", "1", "dpp-1", at_ms)
    scribe.send("AggregationCycle", "dpp-1", ["dso-1", *FSPS])
    for fsp, homes in FSPS.items():
        scribe.send("OnboardingFile", [f"{home}/der" for home in homes], ["dso-1", fsp])
    scribe.send("CongestionRequirements", "dso-1", [*FSPS, *ders])
    for _ in range(4):
        for fsp, homes in FSPS.items():
            scribe.send("AssetTelemetry", [f"{home}/der" for home in homes], [fsp, "dso-1"])
    for fsp, homes in FSPS.items():
        scribe.send("HomePlanReport", [f"{home}/der" for home in homes], fsp)
    for fsp, homes in FSPS.items():
        scribe.send("AssetBaseline", fsp, "dso-1")
        scribe.send("FlexibilityPotential", fsp, ["dso-1", *(f"{home}/der" for home in homes)])
        scribe.send("FlexibilityPotential", fsp, "dso-1")
    scribe.act("override_by_hand", ["home-0002/der", "home-0004/der"])
    scribe.now_ms += HOUR
    for fsp, homes in FSPS.items():
        scribe.send("ActivationFeedback", [f"{home}/der" for home in homes], [fsp, "dso-1"])
    scribe.now_ms = at_ms + 24 * HOUR
    scribe.close()


def procurement(scribe, number, at_ms):
    scribe.open(f"SUC06.1/{number}", "SUC06.1", "2", "dso-1/derms", at_ms)
    scribe.send("AvailabilityRequest", "dso-1/derms", list(FSPS))
    scribe.send("FlexibilityAvailability", list(FSPS), "dso-1/derms")
    scribe.act("forecast_violations", "dso-1/derms", ["forecasts/trafo-1"], ["needs/need-1"])
    scribe.send("ParticipantFile", list(FSPS), "lfmo-1")
    scribe.send("SessionRequest", "dso-1", "lfmo-1")
    scribe.send("QualificationDecision", "lfmo-1", list(FSPS))
    scribe.send("SessionPublication", "lfmo-1", list(FSPS))
    for fsp in FSPS:
        scribe.send("BaselineDeclaration", fsp, "gdbn-1")
        scribe.send("Bid", fsp, "lfmo-1")
        scribe.send("BidReceipt", "lfmo-1", fsp)
    scribe.now_ms += HOUR
    scribe.act("clear_market", "lfmo-1", ["bids/session-1/0", "bids/session-1/1"], ["clearings/session-1"])
    scribe.send("ClearingResult", "lfmo-1", "dso-1/derms")
    scribe.send("Award", "lfmo-1", list(FSPS))
    scribe.send("EngagementRequest", "dso-1/derms", list(FSPS))
    scribe.close()


def activation(scribe, number, at_ms, *, direct=False):
    scribe.open(f"SUC06.2/{number}", "SUC06.2", "1", "dso-1", at_ms, "SUC06.1/1")
    platforms = [f"{fsp}/fsp-technical-platform" for fsp in FSPS]
    scribe.send("ActivationNeed", "dso-1/dso-scada", "dso-1/dso-activation-system")
    if direct:
        scribe.send("ActivationRequest", "dso-1/dso-activation-system", platforms)
    else:
        scribe.send("ActivationRequest", "dso-1/dso-activation-system", "gdbn-1")
        scribe.send("ActivationRequest", "gdbn-1", platforms)
    scribe.send("SignalReceipt", platforms, "dso-1")
    for fsp, homes in FSPS.items():
        scribe.send("ActivationSignal", f"{fsp}/fsp-technical-platform", [f"{home}/der" for home in homes])
    ders = [f"{home}/der" for home in HOMES]
    scribe.act("start_delivery", ders, ["activations/act-1"])
    scribe.send("DeliveryMeasurement", ders, "dso-1/dso-scada")
    scribe.send("DeliveryDetected", "dso-1/dso-scada", "dso-1")
    scribe.send("ActivationReport", "dso-1", "gdbn-1")
    scribe.close()


def settlement(scribe, number, at_ms):
    scribe.open(f"SUC06.3/{number}", "SUC06.3", "1", "gdbn-1/settlement", at_ms, "SUC06.2/1")
    question = scribe.send("MeterDataRequest", "gdbn-1/settlement", "dso-1/dso-database")
    scribe.send("MeterData", "dso-1/dso-database", "gdbn-1/settlement", answer_to=question)
    scribe.act("read_baselines", "gdbn-1/settlement", ["baselines/base-1"], [])
    scribe.act("calculate_delivery", "gdbn-1/settlement", ["meters/home-0001"], ["deliveries/settle-1"])
    scribe.act(
        "verify_delivery", "gdbn-1/settlement", ["deliveries/settle-1", "activations/act-1"], ["deliveries/settle-1"]
    )
    scribe.act("calculate_remuneration", "gdbn-1/settlement", ["deliveries/settle-1"], ["settlements/settle-1"])
    scribe.send("RemunerationAndPenalty", "gdbn-1/settlement", "dso-1/dso-settlement-service")
    scribe.send("SettlementDecision", "dso-1/dso-settlement-service", "gdbn-1/settlement")
    scribe.send(
        "Invoice", "gdbn-1", [*(f"{fsp}/fsp-technical-platform" for fsp in FSPS), "dso-1/dso-settlement-service"]
    )
    for fsp, homes in FSPS.items():
        scribe.send("MemberStatement", fsp, list(homes))
    scribe.close()


def addresses():
    rows = []

    def add(address, party, actors, operator=None, *, device=False):
        rows.append(
            {"address": address, "party": party, "actors": actors, "operator": operator or party, "device": device}
        )

    for party, (role, systems) in SYSTEMS.items():
        add(party, party, [role])
        for suffix, actor in systems.items():
            add(f"{party}/{suffix}", party, [actor])
    for fsp in FSPS:
        add(fsp, fsp, ["fsp", "aggregator"])
        add(f"{fsp}/fsp-technical-platform", fsp, ["fsp-technical-platform"])
        add(f"{fsp}/vpp", fsp, ["vpp"])
    add("gdbn-1", "gdbn-1", ["gdbn"], "dpp-1")
    add("gdbn-1/settlement", "dpp-1", ["gdbn"])
    for home in HOMES:  # one population reads the post of all homes
        add(home, "homes", ["prosumer"], home)
        add(f"{home}/der", "homes", ["der"], home, device=True)
    return rows


def results():
    """The result tables that acts cite, with one row each."""
    return {
        "needs": {"need": ["need-1"], "conversation": ["SUC06.1/1"], "quantity_kw": [40.0]},
        "forecasts": {"subject": ["trafo-1"], "party": ["dso-1"]},
        "bids": {"bid": ["bid-1"], "session": ["session-1"], "accepted_kw": [20.0]},
        "clearings": {"session": ["session-1"], "needed_kw": [40.0], "cleared_kw": [40.0]},
        "baselines": {"baseline": ["base-1"], "fsp": ["fsp-sol"], "area": ["LV1"]},
        "activations": {"activation": ["act-1"], "conversation": ["SUC06.2/1"]},
        "deliveries": {"settlement": ["settle-1"], "activation": ["act-1"]},
        "settlements": {"settlement": ["settle-1"]},
        "meters": {"meter": list(HOMES)},
        "devices": {"owner": list(HOMES)},
        "overrides": {"owner": ["home-0002", "home-0002"], "t_ms": [30_000, 12 * HOUR + 30_000]},
    }


ACTS = pa.schema(
    [("row", pa.int64()), ("act", pa.string()), ("actor", pa.string()), ("conversation", pa.string()), ("t_ms", pa.int64()),
     ("reads", pa.list_(pa.string())), ("writes", pa.list_(pa.string()))]
)  # fmt: skip


def tables_of(scribe):
    """The tables of what was written; the content of a message that was taken out goes with it."""
    kept = {row["row"] for row in scribe.messages}
    contents = {
        record: [row for row in rows if row["row"] in kept]
        for record, rows in scribe.contents.items()
        if any(row["row"] in kept for row in rows)
    }
    tables = {
        "addresses": pa.Table.from_pylist(addresses()),
        "conversations": pa.Table.from_pylist(scribe.conversations),
        "messages": pa.Table.from_pylist(scribe.messages),
        "acts": pa.Table.from_pylist(scribe.acts, schema=ACTS),
    }
    tables |= {f"content/{record}": pa.Table.from_pylist(rows) for record, rows in contents.items()}
    tables |= {name: pa.table(columns) for name, columns in results().items()}
    return content_digests(tables, digest_rows)


def day():
    scribe = Scribe()
    aggregation(scribe, 1, 0)
    aggregation(scribe, 2, 12 * HOUR)
    procurement(scribe, 1, 1 * HOUR)
    activation(scribe, 1, 18 * HOUR)
    activation(scribe, 2, 19 * HOUR)
    settlement(scribe, 1, 24 * HOUR)
    return scribe


@pytest.fixture
def scribe():
    return Scribe()


@pytest.fixture(scope="session")
def journal_day():
    """Tables of a correct day: 05.1/1 twice, 06.1/2, 06.2/1 twice, 06.3/1."""
    return tables_of(day())


@pytest.fixture(scope="session")
def write_tables():
    """Tables from a scribe."""
    return tables_of


@pytest.fixture(scope="session")
def talks():
    """The functions that write a conversation of each use case."""
    return {"SUC05.1": aggregation, "SUC06.1": procurement, "SUC06.2": activation, "SUC06.3": settlement}


@pytest.fixture(name="activation")
def complete_activation(scribe, talks):
    """A complete activation."""
    talks["SUC06.2"](scribe, 1, 0)
    return scribe


def _interval_table(names, **columns):
    """Two quarter-hours, each column a pair of values or one for both."""
    values = {name: value if isinstance(value, list) else [value, value] for name, value in columns.items()}
    return pa.table(names | {"t_ms": [0, 900_000]} | values)


def _content(row, **fields):
    return pa.Table.from_pylist([{"row": row, "from_ms": 0, "step_s": 900.0} | fields])


@pytest.fixture(scope="session")
def market_tables():
    """One bid from its need to its payment, worked by hand: 20 and 15 kW accepted and delivered, 0.40 EUR/kWh."""
    contract, pair = {"bid": ["bid-1"] * 2}, {"activation": ["act-1"] * 2}
    need = {"constraint": ["trafo-1"] * 2, "direction": ["up"] * 2}
    settled = {
        "settlement": "settle-1",
        "fsp": "fsp-sol",
        "remuneration_eur": 3.5,
        "penalty_eur": 0.25,
        "net_eur": 3.25,
    }
    return {
        "needs": _interval_table(need, need="need-1", quantity_kw=[40.0, 30.0]),
        "bids": _interval_table(contract, quantity_kw=[25.0, 15.0], accepted_kw=[20.0, 15.0]),
        "clearings": _interval_table(need, session="need-1", needed_kw=[40.0, 30.0]),
        "activations": _interval_table(pair, area="LV1", ordered_kw=[20.0, 15.0]),
        "baselines": pa.concat_tables(
            [
                _interval_table({"baseline": [name] * 2, "method": [method] * 2}, fsp=fsp, area=area, power_kw=kw)
                for name, method, fsp, area, kw in (
                    ("base-1", "declared-schedule", "fsp-sol", "LV1", [30.0, 28.0]),
                    ("ec-1/day/home-1", "schedule-without-needs", "ec-1", "home-1/meter", [2.5, -1.0]),
                )
            ]
        ),
        "meters": pa.table(
            {"meter": ["m-1", "m-1", "m-2", "m-2", "home-1/meter", "home-1/meter"], "t_ms": [0, 900_000] * 3,
             "import_kwh": [2.0, 2.5, 1.0, 1.0, 0.5, 0.0], "export_kwh": [0.0, 0.0, 0.5, 0.25, 0.0, 0.25]}
        ),
        "deliveries": _interval_table(
            pair, settlement="settle-1", fsp="fsp-sol", area="LV1", baseline_kw=[30.0, 28.0], metered_kw=[10.0, 13.0],
            ordered_kw=[20.0, 15.0], delivered_kw=[20.0, 15.0],
        ),
        "settlements": pa.table({"settlement": ["settle-1"], "fsp": ["fsp-sol"], "net_eur": [3.25]}),
        "ledger": pa.table({"eur": [3.25, 0.07], "purpose": ["flexibility", "community bill"], "message_id": ["8", "30"]}),
        "messages": pa.table(
            {"row": [6, 7, 11, 20, 21, 22, 30], "message_id": ["6", "8", "11", "20", "21", "22", "30"],
             "sender": ["fsp-sol", "gdbn-1", "gdbn-1", "ec-1/energy-management", "ec-1/integration", "ec-1/energy-management",
                        "billing-1/billing-system"],
             "receiver": ["gdbn-1", "dso-1", "gdbn-1/settlement", "ec-1/integration", "dso-1", "dso-1", "home-1/hems"]}
        ),
        "content/SessionRequest": _content(1, constraint="trafo-1", direction="up", need_kw=[40.0, 30.0]),
        "content/Bid": _content(2, bid="bid-1", quantity_kw=[25.0, 15.0]),
        "content/ClearingResult": _content(3, bid="bid-1", cleared_kw=[20.0, 15.0]),
        "content/Award": _content(4, bid="bid-1", cleared_kw=[20.0, 15.0]),
        "content/EngagementRequest": _content(5, bid="bid-1", engaged_kw=[20.0, 15.0]),
        "content/BaselineDeclaration": pa.concat_tables(  # as declared, and the copy that the relay hands on
            [_content(row, baseline="base-1", fsp="fsp-sol", power_kw=[30.0, 28.0]) for row in (6, 11)]
        ),
        "content/Invoice": pa.table({"row": [7], "eur": [3.25]}),
        "content/ActivationRequest": _content(8, activation="act-1", ordered_kw=[20.0, 15.0]),
        "content/MeterData": _content(9, meters=["m-1", "m-2"], metered_kw=[10.0, 13.0]),
        "content/RemunerationAndPenalty": pa.Table.from_pylist([{"row": 10} | settled]),
    } | community_tables()  # fmt: skip


def community_tables():
    """A member's day of two quarter-hours: it takes 0.5 kWh and is allocated 0.2 of it, then feeds in 0.25 kWh and sells 0.1 of that, at 0.10 EUR/kWh.

    The grid tariff is 0.02 EUR/kWh. Of 4 kW offered 3 are ordered and 2 delivered, for which it earns 0.05 EUR and owes 0.10.
    """
    member, money = (
        {"member": "home-1"},
        {"grid_eur": 0.004, "internal_eur": 0.016, "shortfall_eur": 0.10, "flexibility_eur": 0.05},
    )
    order, whole = {"activation": ["act/offer-1"] * 2}, {"member": ["home-1"] * 2}
    meter = {"withdrawal_kwh": [0.5, 0.0], "injection_kwh": [0.0, 0.25], "owned_kwh": [0.0, 0.1]}
    day = pa.Table.from_pylist([member | money | {"from_ms": 0}])
    return {
        "community_needs": _interval_table({"constraint": ["trafo-1"] * 2}, need="need-1", relief_kw=[40.0, 30.0]),
        "community_flexibility": _interval_table(order, offered_kw=[4.0, 0.0], ordered_kw=[3.0, 0.0], delivered_kw=[2.0, 0.0]),
        "community_prices": _interval_table({"community": ["ec-1"] * 2}, price_eur_per_kwh=[0.1, 0.1]),
        "community_markets": pa.table({"community": ["ec-1"], "day_ms": [0], "rounds": [2], "converged": [True]}),
        "content/PriceRound": pa.Table.from_pylist(
            [{"row": row, "community": "ec-1", "from_ms": 0, "number": 2, "last": last, "reason": ""} for row, last in ((33, False), (34, True))]
        ),
        "community_energies": _interval_table(whole, coefficient=[0.4, 0.25], supplied_kwh=[0.3, 0.0]),
        "community_settlements": day,
        "content/CommunityBaseline": pa.concat_tables(  # to the integration microservice, and passed on
            [_content(row, schedule="ec-1/day", community="ec-1", member="home-1", net_kw=[2.5, -1.0]) for row in (20, 21)]
        ),
        "content/CommunityOffer": _content(22, offer="offer-1", offered_kw=[4.0, 0.0]),
        "content/CommunityActivation": _content(23, activation="act/offer-1", ordered_kw=[3.0, 0.0]),
        "content/FlexibilityVerified": _content(24, activation="act/offer-1", delivered_kw=[2.0, 0.0]),
        "content/SmartMeterData": _content(25, **member, **meter),
        "content/EnergyBid": _content(26, **member, volume_kwh=[0.5, -0.35]),
        "content/InternalTransactions": _content(27, **member, community="ec-1", price_eur_per_kwh=[0.1, 0.1]),
        "content/AllocationCoefficients": _content(28, **member, coefficient=[0.4, 0.25]),
        "content/AllocatedEnergies": _content(29, **member, supplied_kwh=[0.3, 0.0]),
        "content/MemberSettlement": pa.Table.from_pylist([{"row": 31, "from_ms": 0} | member | money]),
        "content/BillingGuide": pa.Table.from_pylist([{"row": 32, "from_ms": 0} | member | money]),
        "content/CommunityBill": pa.Table.from_pylist([{"row": 30, "net_eur": 0.07} | member | money]),
    }  # fmt: skip
