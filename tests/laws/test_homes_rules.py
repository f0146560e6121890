"""Rules of a service for households over the shipped run: who chooses what in onboarding, what is stored, forecast, ordered, and when (SUC13.1)."""

import numpy as np
import pytest

from environment.messages.homes import DEVICE_KINDS, PLAN_KINDS
from experiments.covers import covers

STEP_MS, HOUR_MS = 900_000, 3_600_000
SOON_MS = 60_000
LOOKS_MS = 300_000
"""Period of the control within the quarter of an hour."""
AGGREGATOR, LEADER, DATABASE, SERVICE = "agg-1", "pilot-1", "cloud-1", "service-1"


@pytest.fixture(scope="module")
def told(lived_as):
    """Messages of a record with their content, in the order of sending: record -> data frame."""
    run = lived_as("homes-flex")
    columns = ["row", "sender", "receiver", "sent_ms", "delivered_ms"]
    messages = run.frame("messages")[columns].astype({"sender": str, "receiver": str})

    def of(record):
        return run.frame(f"content/{record}").merge(messages, on="row").sort_values(["sent_ms", "row"])

    return of


def by(frame, key):
    """Rows by a key, each the latest of its kind."""
    return {one[key]: one for one in frame.to_dict("records")}


# --- onboarding -----------------------------------------------------------------------------------------------------------


@covers("SUC13.1/r02", "SUC13.1/r06")
def test_devices_and_installer_are_agreed_by_aggregator_and_leader_before_a_plan_is_offered(told):
    proposals = told("DeviceProposal")
    proposed, agreed = (by(proposals[proposals["sender"] == one], "household") for one in (AGGREGATOR, LEADER))
    offers = by(told("PlanOffer"), "receiver")
    assert len(offers) > 10
    for home, offer in offers.items():
        assert proposed[home]["sent_ms"] < agreed[home]["sent_ms"] < offer["sent_ms"]
        assert agreed[home]["agreed"]
        assert set(offer["control_devices"]) == set(agreed[home]["control_devices"])
    ordered = told("InstallationOrder").to_dict("records")
    assert ordered
    for one in ordered:
        assert one["receiver"] == agreed[one["site"]]["installer"] != ""


@covers("SUC13.1/r04")
def test_plans_are_of_the_kinds_on_offer_and_of_the_devices_agreed(told):
    offers, chosen = by(told("PlanOffer"), "receiver"), by(told("PlanApplication"), "sender")
    assert chosen
    for home, plan in chosen.items():
        offer = offers[home]
        assert set(offer["plan_kinds"]) <= set(PLAN_KINDS)
        assert plan["plan_kind"] in offer["plan_kinds"]
        assert set(plan["control_devices"]) <= set(offer["control_devices"])


@covers("SUC13.1/r05")
def test_installers_sign_up_before_they_see_sites(told):
    signed = by(told("InstallerRegistration"), "sender")
    shown = told("SiteDevices").to_dict("records")
    assert {one["receiver"] for one in shown} <= set(signed)
    for one in shown:
        registered = signed[one["receiver"]]
        assert registered["terms_signed"]
        assert registered["employees"] > 0
        assert registered["delivered_ms"] < one["sent_ms"]


@covers("SUC13.1/r08")
def test_who_has_a_car_in_its_plan_tells_about_it_and_nobody_else(told):
    plans, cars = by(told("PlanApplication"), "sender"), by(told("VehicleRecord"), "sender")
    assert {home for home, plan in plans.items() if plan["has_vehicle"]} == set(cars)
    assert {bool(car["cloud_access"]) for car in cars.values()} == {True, False}  # credentials are a choice
    for car in cars.values():
        assert 0.0 < car["soc_at_arrival_share"] <= 1.0
        assert car["capacity_kwh"] > 0.0


@covers("SUC13.1/CI-1")
def test_nothing_is_installed_over_a_bad_link(told, lived_as):
    least = lived_as("homes-flex").meta["scenario"]["pilot"]["admission"]["least_link"]
    visits = told("SiteVisit")
    assert (visits["installed"] <= (visits["link_share"] >= least)).all()
    handed = set(told("HandoverNote")["receiver"])
    assert handed == set(visits["receiver"][visits["installed"]])


# --- data -----------------------------------------------------------------------------------------------------------------


@covers("SUC13.1/r10", "SUC13.1/r11")
def test_devices_people_and_outside_sources_fill_the_database(told):
    for record in ("DeviceMeasurement", "UserPreferences", "ExternalData"):
        assert DATABASE in set(told(record)["receiver"]), record
    assert (told("DeviceMeasurement")["sample_s"] > 0).all()
    outside = told("ExternalData")
    outside = outside[outside["receiver"] == DATABASE]
    sources = outside.groupby(outside["kind"].astype(str))["sender"].agg(set).to_dict()
    assert sources == {"weather": {"weather-1"}, "grid": {"dso-1"}, "balancing": {"tso-1"}, "market": {"market-1"}}
    open_at = outside.groupby(outside["kind"].astype(str))["participation"].agg(
        lambda told: {tuple(one) for one in told}
    )
    assert open_at.to_dict() == {
        "weather": {()},
        "grid": {("congestion",)},
        "balancing": {("balancing",)},
        "market": {()},
    }


@covers("SUC13.1/r12", "SUC13.1/r13")
def test_services_use_what_people_said_last(told):
    """An order to a device states the mode that its people have told the database, but for the seconds that the word is on its way."""
    words = told("UserPreferences")
    words = words[words["receiver"] == DATABASE]
    said = {home: (part["delivered_ms"].to_numpy(), list(part["modes"])) for home, part in words.groupby("sender")}
    orders = told("DeviceOrder")
    changed = 0
    for one in orders[orders["sender"] == AGGREGATOR].itertuples():
        home = one.receiver.split("/")[0]
        times, modes = said[home]
        place = np.searchsorted(times, one.sent_ms - STEP_MS, side="right") - 1
        if place < 0:
            continue
        lately = modes[place : np.searchsorted(times, one.sent_ms, side="right")]
        kind = DEVICE_KINDS.index(str(one.kind))
        assert str(one.mode) in {mode[kind] for mode in lately}, (home, one.kind, one.sent_ms)
        changed += len({mode[kind] for mode in lately}) > 1
    assert changed > 0
    assert len({mode for _, modes in said.values() for one in modes for mode in one}) == 4


@covers("SUC13.1/r14")
def test_orders_are_a_mode_bounds_and_an_action(told):
    orders = told("DeviceOrder")
    assert (orders["low"] <= orders["high"]).all()
    settings = orders[(orders["sender"] == SERVICE)]
    assert set(settings["purpose"].astype(str)) == {"settings"}
    action = {"on": "on", "off": "off", "automatic": "follow", "manual": "follow"}
    assert (settings["mode"].astype(str).map(action) == settings["action"].astype(str)).all()
    follows = orders["action"].astype(str) != "follow"
    assert set(orders["action"][follows].astype(str)) == {"on", "off"}


# --- forecasts, cycles and markets ---------------------------------------------------------------------------------------


@covers("SUC13.1/r16", "SUC13.1/r33")
def test_forecasts_are_of_weather_behaviour_and_markets_and_go_to_the_database(told):
    forecasts = told("PortfolioForecast")
    assert set(forecasts["receiver"]) >= {DATABASE}
    for one in forecasts[forecasts["receiver"] == DATABASE].to_dict("records"):
        columns = [one[name] for name in ("temp_c", "load_kw", "pv_kw", "price_eur_per_kwh", "activation_kw")]
        assert len({len(column) for column in columns}) == 1
        assert all(np.isfinite(column).all() for column in columns)
        assert (np.asarray(one["pv_kw"]) >= 0.0).all()


@covers("SUC13.1/r20")
def test_service_developers_learn_what_was_optimised_of_the_whole_alone(told):
    """A portfolio, and no household: what is shown to third parties leads to nobody."""
    results = told("OptimisationResult")
    shared = results[results["receiver"] == SERVICE]
    assert len(shared) == results["quarter_ms"][results["household"] == ""].nunique() > 0
    assert set(shared["household"]) == {""}


@covers("SUC13.1/r27", "SUC13.1/r28")
def test_temperatures_are_forecast_and_controlled_every_quarter_of_an_hour(told):
    forecasts, orders = told("TemperatureForecast"), told("DeviceOrder")
    gaps = np.diff(forecasts["sent_ms"].to_numpy() // STEP_MS)
    assert (gaps == 1).all()
    for one in forecasts.to_dict("records"):
        warm, cold, needed = (np.asarray(one[name]) for name in ("in_2h_c", "idle_2h_c", "needed_kwh"))
        assert (warm >= cold - 1e-9).all()
        assert (needed >= 0.0).all()
    assert max(np.max(one) for one in forecasts["needed_kwh"]) > 0.0
    act = orders[orders["purpose"].astype(str) == "temperature"]
    heats, stops = (act[act["action"].astype(str) == action] for action in ("on", "off"))
    assert len(heats) > 0
    assert (heats["power_kw"] > 0.0).all()
    assert (stops["power_kw"] == 0.0).all()


@covers("SUC13.1/r32")
def test_balancing_is_offered_a_day_ahead_and_congestion_decided_some_hours_ahead(told, lived_as):
    run = lived_as("homes-flex")
    days = run.meta["delivery_start_ms"] + 24 * HOUR_MS * np.arange(-1, 3)
    day_of = lambda t_ms: np.searchsorted(days, t_ms, side="right")  # noqa: E731
    periods, taken = told("OfferPeriodNotice"), told("Commitment")
    assert (day_of(periods["gate_ms"]) + 1 == day_of(periods["from_ms"])).all()
    ahead_h = (taken["from_ms"] - taken["sent_ms"]) / HOUR_MS
    assert ((ahead_h >= 1.0) & (ahead_h < 12.0)).all()


@covers("SUC13.1/r38")
def test_peaks_and_surplus_are_looked_at_within_the_hour_and_availability_is_shared_hourly(told):
    warned, asked = told("LimitWarning"), told("PreferencesQuery")
    peaks = asked["sent_ms"][asked["about"].astype(str) == "peak"].to_numpy()
    near = np.sort(warned["delivered_ms"][warned["net_kw"] > 0].to_numpy())
    assert len(peaks) > 0
    since = peaks - near[np.searchsorted(near, peaks) - 1]
    assert ((since >= 0) & (since <= LOOKS_MS + SOON_MS)).all()
    shared = told("AvailablePower")
    for _, window in shared[shared["receiver"] == "dso-1"].groupby("from_ms"):
        gaps = np.diff(window["sent_ms"].to_numpy()) / HOUR_MS
        assert len(gaps) > 0
        assert (np.abs(gaps - 1.0) < SOON_MS / HOUR_MS).all()
