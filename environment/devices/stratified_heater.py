"""Electric water heater with layers: two nodes, the element and the thermostat below, the outlet above.

The physics is ``environment.devices.stratified``. People draw heat ``draw_kw`` (constant within the step) from the upper node: they set the
mixing tap when a draw begins, so the flow that carries it is that of the outlet's temperature then, ``F = q / (T_upper - T_cold)``, and stays
until the draw changes. Cold water enters below and pushes the warmer water up. The heat lost to the room is in proportion to the volume of
each node; ``loss_factor`` changes it while the tank stands (insulation removed or added).

Own control (no set-point): the relay of the thermostat in the lower node, as in ``water_heater``. A set-point drives the element at that mean
power up to ``max_c`` in the lower node, where the safety thermostat holds; a set-point of nothing leaves it off, however cold the water gets:
a retrofit module is a relay in the supply line. Who controls it looks after comfort.
"""

from typing import NamedTuple

import numpy as np

from data.arrays import F64, Bool
from environment.devices import stratified
from environment.devices.kind import Account, take
from environment.devices.water_heater import WATER_KWH_PER_L_K

KIND: str = "stratified_heater"
STATE_UNIT: str = "degC"

LEAST_TAP_K = 10.0
"""Water less than this above the cold water serves nobody: no tap asks for more flow than it would."""
_HALVINGS = 20


class Ratings(NamedTuple):
    """Each (n,).

    Attributes:
        volume_l: water in the tank.
        upper_share: share of it above the boundary of the nodes, between 0 and 1.
        heater_kw: electric power of the element.
        loss_kw_per_k: heat loss coefficient UA of the whole tank, positive.
        exchange_kw_per_k: conduction between the nodes through water and wall, positive.
        set_c: the thermostat opens here.
        dead_band_k: it closes this much below, positive.
        max_c: the safety thermostat holds here, over ``set_c``.
    """

    volume_l: F64
    upper_share: F64
    heater_kw: F64
    loss_kw_per_k: F64
    exchange_kw_per_k: F64
    set_c: F64
    dead_band_k: F64
    max_c: F64


class State(NamedTuple):
    """Each (n,).

    Attributes:
        upper_c: temperature of the upper node, where people draw.
        lower_c: that of the lower node.
        relay: 1 closed, 0 open.
        drawn_kw: the draw for which the tap was set.
        flow_kw_per_k: heat capacity of the water that the tap lets through.
        missing_kwh: heat that people wanted and an empty tank did not have, since the beginning.
    """

    upper_c: F64
    lower_c: F64
    relay: F64
    drawn_kw: F64
    flow_kw_per_k: F64
    missing_kwh: F64


class Inputs(NamedTuple):
    """Each (n,) or scalar.

    Attributes:
        draw_kw: heat drawn above the cold water [kW].
        ambient_c: room of the tank [degC], at least ``cold_c``.
        cold_c: cold water [degC].
        loss_factor: heat loss as a multiple of the rated one, positive.
    """

    draw_kw: F64 | float
    ambient_c: F64 | float
    cold_c: F64 | float
    loss_factor: F64 | float


def at_rest(upper_c: F64, lower_c: F64) -> State:
    """Tanks that nobody draws from, thermostat open."""
    zero = np.zeros(np.shape(upper_c))
    return State(np.array(upper_c, np.float64), np.array(lower_c, np.float64), zero, zero, zero, zero)


def capacity_kwh_per_k(ratings: Ratings) -> F64:
    """Heat capacity of the whole tank, (n,)."""
    return ratings.volume_l * WATER_KWH_PER_L_K


def mean_c(ratings: Ratings, state: State) -> F64:
    """Mean temperature of the water, (n,) [degC]: what the energy in the tank goes by."""
    return ratings.upper_share * state.upper_c + (1.0 - ratings.upper_share) * state.lower_c


def feasible_kw(ratings: Ratings, state: State, inputs: Inputs, hours: F64 | float) -> tuple[F64, F64]:
    """From nothing to the highest constant power [kW] that the safety thermostat does not cut within the hours, to a millionth."""
    _, most = step(ratings, state, ratings.heater_kw, inputs, hours)
    high = np.where(most < ratings.heater_kw, most, ratings.heater_kw)
    rows = np.flatnonzero((most < ratings.heater_kw) & ~forced(ratings, state, inputs))
    if len(rows):
        part = take(ratings, rows), take(state, rows)
        around, hours_of = take(inputs, rows), hours[rows] if isinstance(hours, np.ndarray) else hours
        kept, cut = np.zeros(len(rows)), ratings.heater_kw[rows]
        for _ in range(_HALVINGS):
            middle = 0.5 * (kept + cut)
            is_cut = step(*part, middle, around, hours_of)[1] < middle
            kept, cut = np.where(is_cut, kept, middle), np.where(is_cut, middle, cut)
        high[rows] = kept
    return np.zeros_like(most), high


def forced(ratings: Ratings, state: State, inputs: Inputs) -> Bool:
    """Tanks above the safety thermostat cool first."""
    return (
        np.maximum(state.lower_c, np.where(state.lower_c > state.upper_c, mean_c(ratings, state), -np.inf))
        > ratings.max_c
    )


def step(ratings: Ratings, state: State, setpoint_kw: F64, inputs: Inputs, hours: F64 | float) -> tuple[State, F64]:
    """Heat at the set-point below the safety thermostat, or by the thermostat."""
    drawn, flow = _tap(state, inputs)
    done = _walk(ratings, state, setpoint_kw, inputs, flow, hours)
    missing = state.missing_kwh + done.missing_kwh
    after = State(done.upper_k + inputs.cold_c, done.lower_k + inputs.cold_c, done.relay, drawn, flow, missing)
    return after, _mean_kw(ratings, setpoint_kw, done, hours)


def account(ratings: Ratings, state: State, setpoint_kw: F64, inputs: Inputs, hours: F64 | float) -> Account:
    """Electricity supplies; the water stores; people use what they can draw; the jacket loses."""
    done = _walk(ratings, state, setpoint_kw, inputs, _tap(state, inputs)[1], hours)
    power = _mean_kw(ratings, setpoint_kw, done, hours)
    before = mean_c(ratings, state) - inputs.cold_c
    after = ratings.upper_share * done.upper_k + (1.0 - ratings.upper_share) * done.lower_k
    warmth = ratings.upper_share * done.upper_k_h + (1.0 - ratings.upper_share) * done.lower_k_h
    loss = ratings.loss_kw_per_k * inputs.loss_factor
    lost = loss * (warmth - (inputs.ambient_c - inputs.cold_c) * hours)
    stored = capacity_kwh_per_k(ratings) * (after - before)
    return Account(power * hours, stored, inputs.draw_kw * hours - done.missing_kwh, lost)


def implausible(ratings: Ratings) -> dict[str, Bool]:
    """What must not be -> the rows where it is, (n,)."""
    return {
        "volume_l is not positive": ratings.volume_l <= 0.0,
        "upper_share is not between 0 and 1": (ratings.upper_share <= 0.0) | (ratings.upper_share >= 1.0),
        "heater_kw is negative": ratings.heater_kw < 0.0,
        "loss_kw_per_k is not positive": ratings.loss_kw_per_k <= 0.0,
        "loss_kw_per_k is above 0.1 kW/K (is it in W/K?)": ratings.loss_kw_per_k > 0.1,
        "exchange_kw_per_k is not positive": ratings.exchange_kw_per_k <= 0.0,
        "dead_band_k is not positive": ratings.dead_band_k <= 0.0,
        "max_c is below set_c": ratings.max_c < ratings.set_c,
    }


def state_value(ratings: Ratings, state: State) -> F64:
    """Temperature of the water that people get, (n,) [degC]."""
    return state.upper_c


def inner_values(ratings: Ratings, state: State) -> dict[str, F64]:
    """What results tables show beside, (n,) each: mean temperature, by which the heat in the tank goes, and what could not be drawn."""
    return {"mean_c": mean_c(ratings, state), "missing_kwh": state.missing_kwh}


def examples(rng: np.random.Generator, n: int = 1) -> tuple[Ratings, State, Inputs]:
    """Tanks of 50 to 200 l, mostly idle, layered or mixed, some drawn empty, some too hot."""
    set_c = rng.uniform(55.0, 65.0, n)
    ratings = Ratings(
        rng.choice([50.0, 80.0, 100.0, 150.0, 200.0], n), rng.uniform(0.3, 0.7, n), rng.uniform(1.2, 2.4, n),
        rng.uniform(0.6e-3, 1.9e-3, n), rng.uniform(0.3e-3, 3e-3, n), set_c, rng.uniform(3.0, 8.0, n),
        set_c + rng.uniform(1.0, 15.0, n),
    )  # fmt: skip
    cold = rng.uniform(6.0, 12.0, n)
    lower = np.where(rng.uniform(size=n) < 0.8, rng.uniform(20.0, ratings.max_c), rng.uniform(12.0, 85.0, n))
    upper = np.where(rng.uniform(size=n) < 0.3, lower, lower + rng.uniform(0.0, 30.0, n))
    draw = np.where(rng.uniform(size=n) < 0.5, 0.0, rng.uniform(0.0, 8.0, n))
    going = np.where(rng.uniform(size=n) < 0.5, draw, 0.0)
    flow = going / np.maximum(upper - cold, LEAST_TAP_K)
    relay = np.where(rng.uniform(size=n) < 0.5, 1.0, 0.0)
    factor = np.where(rng.uniform(size=n) < 0.7, 1.0, rng.uniform(0.5, 2.0, n))
    inputs = Inputs(draw, rng.uniform(12.0, 24.0, n), cold, factor)
    return ratings, State(upper, lower, relay, going, flow, np.zeros(n)), inputs


def _tap(state: State, inputs: Inputs) -> tuple[F64, F64]:
    """The draw, and the flow of the tap: set anew when the draw changes."""
    drawn = np.asarray(inputs.draw_kw + np.zeros_like(state.upper_c))
    anew = drawn / np.maximum(state.upper_c - inputs.cold_c, LEAST_TAP_K)
    return drawn, np.where(drawn == state.drawn_kw, state.flow_kw_per_k, anew)


def _walk(
    ratings: Ratings, state: State, setpoint_kw: F64, inputs: Inputs, flow: F64, hours: F64 | float
) -> stratified.Walked:
    share, capacity = ratings.upper_share, capacity_kwh_per_k(ratings)
    loss = ratings.loss_kw_per_k * inputs.loss_factor
    zero = np.zeros_like(capacity)
    tank = stratified.Tank(
        share * capacity, (1.0 - share) * capacity, share * loss, (1.0 - share) * loss, ratings.exchange_kw_per_k, flow,
        inputs.draw_kw + zero, inputs.ambient_c - inputs.cold_c + zero,
    )  # fmt: skip
    own = np.isnan(setpoint_kw)
    control = stratified.Control(
        own, state.relay, ratings.set_c - ratings.dead_band_k - inputs.cold_c, ratings.set_c - inputs.cold_c,
        _asked_kw(ratings, setpoint_kw), ratings.max_c - inputs.cold_c, ratings.heater_kw,
    )  # fmt: skip
    return stratified.walk(tank, state.upper_c - inputs.cold_c, state.lower_c - inputs.cold_c, control, hours)


def _asked_kw(ratings: Ratings, setpoint_kw: F64) -> F64:
    return np.nan_to_num(np.minimum(np.maximum(setpoint_kw, 0.0), ratings.heater_kw))


def _mean_kw(ratings: Ratings, setpoint_kw: F64, done: stratified.Walked, hours: F64 | float) -> F64:
    """Mean power; exactly what was asked for where nothing cut it."""
    asked = _asked_kw(ratings, setpoint_kw)
    power = done.supplied_kwh / hours
    return np.where(~np.isnan(setpoint_kw) & (done.supplied_kwh >= asked * hours * (1.0 - 1e-13)), asked, power)
