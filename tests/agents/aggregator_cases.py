"""An FSP with four homes and all who write to it, for tests of it alone."""

import numpy as np

from agents.aggregator import Aggregator
from agents.aggregator_terms import FspTerms, Portfolio
from environment.calendar import Timeline
from environment.instruments import MeterStore
from environment.messages.activation import ActivationRequest
from environment.messages.aggregation import (
    ActivationFeedback,
    HomePlanReport,
    OnboardingFile,
)
from environment.messages.procurement import (
    PAPERS,
    EngagementRequest,
    SessionPublication,
)
from environment.messages.settlement import Invoice
from tests.environment.kernel_cases import plain

HOUR = 3_600_000
STEP = 900_000
N, STEPS = 4, 96
HOMES = tuple(f"home-{k}" for k in range(N))
DERS = tuple(f"{home}/der" for home in HOMES)
FROM = 10 * HOUR
UP = 2.0
PRICE = np.array([0.4, 0.1, 0.2, 0.3])
PLATFORM = "fsp-a/fsp-technical-platform"


def withdraw(hour, home):
    """A member takes its consent back."""
    file = plain(OnboardingFile, consent=False)
    return round(hour * HOUR), lambda puppet: puppet.send(file, "fsp-a", "cycle", system=home)


def tell_plans(consent=(True,) * N, down=None):
    """Each device hands in its file and its plan: 5 kW all day, of which it can leave out 2 kW; ``down`` adds what else."""

    def line(puppet):
        for row, home in enumerate(HOMES):
            file = plain(OnboardingFile, consent=consent[row])
            plan = plain(
                HomePlanReport, from_ms=0, step_s=900.0, net_kw=np.full(STEPS, 5.0), up_kw=np.full(STEPS, UP),
                up_eur_per_kwh=PRICE[row], **({"down_kw": np.zeros(0), "curtail_kw": np.zeros(0)} | (down or {})),
            )  # fmt: skip
            for record in (file, plan):
                puppet.send(record, "fsp-a", "cycle", system=home)

    return 0, line


def follow(share):
    """Answers to a signal: each device can do its share of what it is asked for."""

    def reply(puppet, batch):
        for row, record in enumerate(batch.records()):
            name = puppet.directory.names[batch.receiver[row]].split("/")[0]
            ordered = float(record.change_kw.mean())
            answer = plain(
                ActivationFeedback, activation=record.activation, ordered_kw=ordered, expected_kw=ordered * share[name]
            )
            puppet.send(answer, "fsp-a", "cycle", system=name)

    return reply


def engagement(kw=8.0):
    return plain(EngagementRequest, contract="contract", area="A", fsp="fsp-a", direction="up", from_ms=FROM, step_s=900.0,
                 engaged_kw=np.full(4, kw), price_eur_per_kwh=0.5)  # fmt: skip


def order(kw, contract="contract"):
    return plain(ActivationRequest, activation="act", contract=contract, dso="dso-1", fsp="fsp-a", area="A", direction="up",
                 from_ms=FROM, to_ms=FROM + 4 * STEP, step_s=900.0, ordered_kw=np.full(4, float(kw)))  # fmt: skip


def publication(**changes):
    given = {"session": "s", "direction": "up", "areas": ("A",), "from_ms": FROM, "step_s": 900.0,
             "need_kw": np.array([3.0, 5.0, 0.0, 9.0]), "gate_ms": 5 * HOUR, "price_cap_eur_per_kwh": 1.0, "granularity_kw": 0.1,
             "min_quantity_kw": 0.1}  # fmt: skip
    return plain(SessionPublication, **(given | changes))


def pooled(
    stage, *lines, share=None, consent=(True,) * N, metered_kw=None, until_h=12, withdraws=(), down=None, **terms
):
    """An FSP with four homes in one area lives; ``lines`` are what the DSO says: (hour, record, receiver)."""
    timeline = Timeline(0, STEP, STEPS)
    store = MeterStore([f"{home}/meter" for home in HOMES], timeline)
    for step in range(STEPS):
        store.record(step, np.full(N, 5.0) if metered_kw is None else np.asarray(metered_kw, float))
    actors = {PLATFORM: ("fsp-technical-platform",), "fsp-a/vpp": ("vpp",)} | {
        der: (der.split("/")[0],) for der in DERS
    }
    there = stage(
        "fsp-a", PLATFORM, "fsp-a/vpp", "dso-1", "dso-1/derms", "lfmo-1", "gdbn-1", *HOMES, *DERS,
        actors=actors, parties=dict.fromkeys((*HOMES, *DERS), "homes"),
    )  # fmt: skip
    portfolio = Portfolio(HOMES, there.directory.numbers(HOMES), there.directory.numbers(DERS), store.names, ("A",) * N)
    given = FspTerms("dso-1", "dso-1/derms", "lfmo-1", "gdbn-1", PAPERS, 99 * HOUR, **({"margin_share": 0.0} | terms))
    there.fsp = there.agent(Aggregator, "fsp-a", portfolio, store, given)
    answer = follow(dict.fromkeys(HOMES, 1.0) | (share or {}))
    there.homes = there.puppet("homes", tell_plans(consent, down), *withdraws, ActivationSignal=answer)
    script = [(round(h * HOUR), lambda one, what=what, to=to: one.send(what, to, "c")) for h, what, to in lines]
    there.dso = there.puppet("dso-1", *script)
    there.market, there.gdbn = there.puppet("lfmo-1"), there.puppet("gdbn-1")
    return there.run(until_h * 3600)


def signals(there):
    messages = there.bus.journal.messages()
    rows = np.flatnonzero(messages["record"] == "ActivationSignal")
    content = there.bus.journal.contents().get("ActivationSignal", {"change_kw": []})
    return {
        messages["receiver"][row].split("/")[0]: np.asarray(kw)
        for row, kw in zip(rows, content["change_kw"], strict=True)
    }


READ = (0.5, publication(), "fsp-a")
"""It reads its members' post when it bids."""


def invoice(eur, debtor="dso-1", creditor="fsp-a"):
    return plain(
        Invoice, invoice="invoice/settlement/act", debtor=debtor, creditor=creditor, purpose="flexibility", eur=eur
    )
