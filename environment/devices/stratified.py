"""A tank of two nodes, the upper above the lower, as a linear system between switchings, solved exactly.

    C1 dx/dt = F y - q + K (y - x) - U1 (x - a)              upper node: water leaves, people take q
    C2 dy/dt = P - F y + K (x - y) - U2 (y - a)              lower node: cold water enters, the element heats

x, y and the room's a are temperatures above the cold water [K], C [kWh/K], U, the exchange K and the flow F [kW/K], the draw q and the
heat P [kW]. Warmer water below cannot stay there: the nodes mix and move as one until the lower one would cool faster. People cannot take
what is not there: an empty tank stays at the temperature of the cold water.

Every leg between two switchings is ``rest + b1 exp(-l1 t) + b2 exp(-l2 t)`` (matrix exponential of a 2 x 2 system with real eigenvalues), what
ends it a sum of two exponentials that meets zero. Such a sum has one extremum at most, so its first zero is bracketed and found to the last
bit. Structure: two-node model of electric storage heaters as in DOMAIN.md 2.1 (plug flow, element in its node, buoyancy).
"""

from typing import NamedTuple

import numpy as np

from data.arrays import F64, I64, Bool
from environment.devices.kind import take

MAX_LEGS = 10_000
"""More switchings in one step than any tank makes; reaching it is a mistake in the legs."""
_ROUNDS = 80
_EPSILON = 2.0**-52
ROUNDING_K = 1e-12
"""A guard that is missed by no more than this is rounding."""
HELD, FREE, ABOVE = 0, 1, 2
"""How the last leg left a hold: not at all, because the heat asked for no longer holds it, or because nothing is needed to hold it."""


class Tank(NamedTuple):
    """Tanks in the surroundings of one step, each (n,), temperatures above the cold water.

    Attributes:
        upper_kwh_per_k: heat capacity of the upper node.
        lower_kwh_per_k: that of the lower.
        upper_kw_per_k: heat loss coefficient of the upper node.
        lower_kw_per_k: that of the lower.
        exchange_kw_per_k: conduction between the nodes, positive.
        flow_kw_per_k: heat capacity of the water that moves through.
        draw_kw: heat that people take.
        room_k: temperature of the room, not negative.
    """

    upper_kwh_per_k: F64
    lower_kwh_per_k: F64
    upper_kw_per_k: F64
    lower_kw_per_k: F64
    exchange_kw_per_k: F64
    flow_kw_per_k: F64
    draw_kw: F64
    room_k: F64


class Control(NamedTuple):
    """What heats the lower node, each (n,): a relay between two levels, or a set power up to one level that is then held.

    Attributes:
        relayed: whether the relay decides.
        relay: 1 closed, 0 open.
        closes_k: the relay closes here or below.
        opens_k: it opens here or above.
        set_kw: the set power of the others.
        hold_k: the level that a set power does not exceed.
        full_kw: power of the closed relay.
    """

    relayed: Bool
    relay: F64
    closes_k: F64
    opens_k: F64
    set_kw: F64
    hold_k: F64
    full_kw: F64


class Walked(NamedTuple):
    """What the hours came to, each (n,): last temperatures and relay, energies, and integrals of both temperatures [K h]."""

    upper_k: F64
    lower_k: F64
    relay: F64
    supplied_kwh: F64
    missing_kwh: F64
    upper_k_h: F64
    lower_k_h: F64


class _Legs(NamedTuple):
    """One leg of each row: two exponentials in each node, the power ``fixed + slope x``, and what is not drawn."""

    rest_x: F64
    first_x: F64
    second_x: F64
    rest_y: F64
    first_y: F64
    second_y: F64
    fast: F64
    slow: F64
    fixed_kw: F64
    slope_kw_per_k: F64
    missing_kw: F64


class _Guard(NamedTuple):
    """A leg lasts while ``along_x x + along_y y + level`` is not negative."""

    along_x: F64
    along_y: F64
    level: F64


def walk(tank: Tank, upper_k: F64, lower_k: F64, control: Control, hours: F64 | float) -> Walked:
    """Run tanks for some hours.

    Args:
        tank: the tanks with this step's surroundings.
        upper_k: temperature of the upper node above the cold water, (n,).
        lower_k: that of the lower node; where it is higher the nodes mix at once.
        control: what heats.
        hours: positive, one number or (n,).
    """
    n = len(upper_k)
    x, y = _mixed(tank, upper_k, lower_k, lower_k > upper_k)
    relay = np.where(y >= control.opens_k, 0.0, np.where(y <= control.closes_k, 1.0, control.relay))
    left = np.array(np.broadcast_to(np.asarray(hours, np.float64), (n,)))
    sums = np.zeros((4, n))  # supplied, missing, integrals of x and y
    parted, loose = np.zeros(n, np.bool_), np.zeros(n, np.int64)
    rows = np.arange(n)
    for _ in range(MAX_LEGS):
        part = (tank, control) if len(rows) == n else (take(tank, rows), take(control, rows))
        done = _leg(*part, x[rows], y[rows], relay[rows], parted[rows], loose[rows], left[rows])
        x[rows], y[rows], relay[rows], parted[rows], loose[rows], spent, gained = done
        sums[:, rows] += gained
        left[rows] -= spent
        rows = rows[left[rows] > 0.0]
        if not len(rows):
            return Walked(x, y, np.where(control.relayed, relay, control.relay), *sums)
    msg = f"a tank switches more than {MAX_LEGS} times in one step: {x[rows[0]]} K over {y[rows[0]]} K above the cold water"
    raise ArithmeticError(msg)


def _mixed(tank: Tank, x: F64, y: F64, where: Bool) -> tuple[F64, F64]:
    """Both nodes at their common temperature where they mix."""
    both = tank.upper_kwh_per_k + tank.lower_kwh_per_k
    level = (tank.upper_kwh_per_k * x + tank.lower_kwh_per_k * y) / both
    return np.where(where, level, x), np.where(where, level, y)


def _leg(
    tank: Tank, control: Control, x: F64, y: F64, relay: F64, parted: Bool, loose: I64, left: F64
) -> tuple[F64, F64, F64, Bool, I64, F64, F64]:
    """One leg of each row: temperatures and relay after it, whether the nodes just parted, how a hold just ended, its hours, its sums."""
    c1, c2, u1, u2, k, flow, draw, room = tank
    own = control.relayed
    # what the nodes would do, by themselves and as one, without heat
    upper_rate = (flow * y - draw + k * (y - x) - u1 * (x - room)) / c1
    lower_gain = -flow * y + k * (x - y) - u2 * (y - room)
    common_gain = -draw - (u1 + u2) * (y - room)
    touching = (x == y) & ~parted
    resting = touching & (upper_rate <= 0.0)
    hold_kw = np.where(resting, -common_gain, -lower_gain)
    at_hold = ~own & (y == control.hold_k) & (control.set_kw > 0.0) & (loose != FREE)
    above = ~own & ((y > control.hold_k) | (at_hold & ((hold_kw < 0.0) | (loose == ABOVE))))
    asked = np.where(own, np.where(relay > 0.5, control.full_kw, 0.0), np.where(above, 0.0, control.set_kw))
    together = touching & ((asked + lower_gain) / c2 >= upper_rate)
    held = at_hold & ~above & (asked + np.where(together, common_gain, lower_gain) > 0.0)
    together = np.where(held, resting, together)
    floor = np.minimum(0.0, np.minimum(x, y))
    empty = together & ~held & (y <= floor) & (asked + common_gain <= 0.0)

    legs = _two_nodes(tank, asked, x, y)
    if together.any():
        legs = _overlay(legs, _one_node(tank, asked, y), together)
    if held.any():
        legs = _overlay(legs, _held_below(tank, x, y), held & ~together)
    still = together & (held | empty)
    if still.any():
        rest = _resting(x, y, np.where(held, hold_kw, asked), np.where(empty, -asked - common_gain, 0.0))
        legs = _overlay(legs, rest, still)

    guards = _guards(tank, control, asked, relay, floor, together, held, still, above)
    spent, which = left, np.full(len(x), -1)
    for number, guard in enumerate(guards):
        if number >= 2 and not (held.any() or together.any()):
            break
        until = _first_below_zero(guard, legs, spent)
        which = np.where(until < spent, number, which)
        spent = np.minimum(until, spent)
    fast, slow = np.exp(-legs.fast * spent), np.exp(-legs.slow * spent)
    end_x = legs.rest_x + legs.first_x * fast + legs.second_x * slow
    end_y = legs.rest_y + legs.first_y * fast + legs.second_y * slow
    over_fast, over_slow = _integral(legs.fast, spent), _integral(legs.slow, spent)
    sum_x = legs.rest_x * spent + legs.first_x * over_fast + legs.second_x * over_slow
    sum_y = legs.rest_y * spent + legs.first_y * over_fast + legs.second_y * over_slow
    sums = np.array([legs.fixed_kw * spent + legs.slope_kw_per_k * sum_x, legs.missing_kw * spent, sum_x, sum_y])
    met = which == 0
    reached = np.where(own, np.where(relay > 0.5, control.opens_k, control.closes_k), control.hold_k)
    end_y = np.where(met, reached, end_y)
    end_x = np.where(met & together, reached, end_x)
    relay = np.where(met & own, 1.0 - relay, relay)
    end_x = np.where((which == 1) & held, end_y, end_x)
    end_x, end_y = _mixed(tank, end_x, end_y, ((which == 1) & ~together & ~held) | (end_y > end_x))
    sunk = (which == 2) & together
    end_x, end_y = np.where(sunk, floor, end_x), np.where(sunk, floor, end_y)
    ended = np.where(held & (which >= 2), np.where(which == 2, FREE, ABOVE), HELD)
    return end_x, end_y, relay, (which == 1) & together, ended, spent, sums


def _two_nodes(tank: Tank, heat_kw: F64, x: F64, y: F64) -> _Legs:
    """Both nodes free."""
    c1, c2, u1, u2, k, flow, draw, room = tank
    p, r, s = (u1 + k) / c1, (flow + k) / c1, (u1 * room - draw) / c1
    v, w, z = k / c2, (u2 + k + flow) / c2, (heat_kw + u2 * room) / c2
    det = (u1 * (u2 + k + flow) + k * u2) / (c1 * c2)
    rest_x, rest_y = (s * w + r * z) / det, (v * s + p * z) / det
    apart = np.sqrt((p - w) ** 2 + 4.0 * r * v)
    fast = 0.5 * (p + w + apart)
    slow = det / fast
    dx, dy = x - rest_x, y - rest_y
    first_x, first_y = ((p - slow) * dx - r * dy) / apart, (-v * dx + (w - slow) * dy) / apart
    zero = np.zeros_like(x)
    return _Legs(rest_x, first_x, dx - first_x, rest_y, first_y, dy - first_y, fast, slow, heat_kw, zero, zero)


def _one_node(tank: Tank, heat_kw: F64, y: F64) -> _Legs:
    """Both nodes as one."""
    loss = tank.upper_kw_per_k + tank.lower_kw_per_k
    rest = tank.room_k + (heat_kw - tank.draw_kw) / loss
    rate = loss / (tank.upper_kwh_per_k + tank.lower_kwh_per_k)
    zero = np.zeros_like(y)
    return _Legs(rest, y - rest, zero, rest, y - rest, zero, rate, rate, heat_kw, zero, zero)


def _held_below(tank: Tank, x: F64, y: F64) -> _Legs:
    """The lower node held where it is, the upper one free and warmer."""
    c1, _, u1, u2, k, flow, draw, room = tank
    rate = (u1 + k) / c1
    rest = ((flow + k) * y - draw + u1 * room) / (u1 + k)
    zero = np.zeros_like(y)
    fixed = (flow + k) * y + u2 * (y - room)
    return _Legs(rest, x - rest, zero, y, zero, zero, rate, rate, fixed, -k, zero)


def _resting(x: F64, y: F64, heat_kw: F64, missing_kw: F64) -> _Legs:
    """Nothing moves."""
    zero, one = np.zeros_like(y), np.ones_like(y)
    return _Legs(x, zero, zero, y, zero, zero, one, one, heat_kw, zero, missing_kw)


def _overlay(legs: _Legs, others: _Legs, where: Bool) -> _Legs:
    return _Legs(*(np.where(where, other, one) for one, other in zip(legs, others, strict=True)))


def _guards(
    tank: Tank, control: Control, asked: F64, relay: F64, floor: F64, level: Bool, held: Bool, still: Bool, above: Bool
) -> tuple[_Guard, ...]:
    """What ends each leg: 0 the control meets its level, 1 the nodes meet or part, 2 and 3 the floor, or the hold is left."""
    c1, c2, u1, u2, k, flow, draw, room = tank
    zero, one = np.zeros_like(asked), np.ones_like(asked)
    own = control.relayed
    # 0: rising to a level, or falling to one
    falling = np.where(own, relay <= 0.5, above)
    sign = np.where(falling, 1.0, -1.0)
    goal = np.where(own, np.where(relay > 0.5, control.opens_k, control.closes_k), control.hold_k)
    idle = still | held | (~own & (control.set_kw <= 0.0))
    first = _Guard(zero, np.where(idle, 0.0, sign), np.where(idle, 1.0, -sign * goal))
    # 1: apart: x - y; together: the lower one by itself would not cool faster than the upper one; held: x - y
    slope = -(flow + u2) / c2 - (flow - u1) / c1
    start = (asked + u2 * room) / c2 - (u1 * room - draw) / c1
    second = _Guard(
        np.where(still | level, 0.0, 1.0),
        np.where(still, 0.0, np.where(level, slope, -1.0)),
        np.where(still, 1.0, np.where(level, start, 0.0)),
    )
    # 2: the floor of a tank that is drawn empty, or the held power above what is asked
    sinking = level & ~still
    holding = held & ~level
    need = (flow + k) * control.hold_k + u2 * (control.hold_k - room)
    third = _Guard(
        np.where(holding, k, 0.0),
        np.where(sinking, 1.0, 0.0),
        np.where(sinking, -floor, np.where(holding, asked - need, 1.0)),
    )
    # 3: the held power below nothing
    fourth = _Guard(np.where(holding, -k, 0.0), zero, np.where(holding, need, one))
    return first, second, third, fourth


def _first_below_zero(guard: _Guard, legs: _Legs, hours: F64) -> F64:
    """The instant at which a guard first turns negative within the hours, infinite if it does not, (n,) [h]."""
    level = guard.along_x * legs.rest_x + guard.along_y * legs.rest_y + guard.level
    first = guard.along_x * legs.first_x + guard.along_y * legs.first_y
    second = guard.along_x * legs.second_x + guard.along_y * legs.second_y
    with np.errstate(divide="ignore", invalid="ignore"):
        turn = np.log(-(legs.fast * first) / (legs.slow * second)) / (legs.fast - legs.slow)
    turn = np.where((turn > 0.0) & (turn < hours), turn, hours)
    at_turn = level + first * np.exp(-legs.fast * turn) + second * np.exp(-legs.slow * turn)
    at_end = level + first * np.exp(-legs.fast * hours) + second * np.exp(-legs.slow * hours)
    dips = at_turn < -ROUNDING_K
    rows = np.flatnonzero(dips | (at_end < -ROUNDING_K))
    found = np.full(len(hours), np.inf)
    if not len(rows):
        return found
    low, high = np.where(dips, 0.0, turn)[rows], np.where(dips, turn, hours)[rows]
    found[rows] = _zero(level[rows], first[rows], second[rows], legs.fast[rows], legs.slow[rows], low, high)
    return found


def _zero(level: F64, first: F64, second: F64, fast: F64, slow: F64, low: F64, high: F64) -> F64:
    """Where ``level + first exp(-fast t) + second exp(-slow t)`` falls through zero between low and high: Newton, kept in its bracket.

    A row stops where the sum is zero but for the rounding of its terms: nearer no instant is told from its neighbour. Each row stops by
    itself, so that a batch is its rows bit for bit.
    """
    at, done = 0.5 * (low + high), np.zeros(len(low), np.bool_)
    rounding = _EPSILON * (np.abs(level) + np.abs(first) + np.abs(second))
    for _ in range(_ROUNDS):
        one, other = first * np.exp(-fast * at), second * np.exp(-slow * at)
        value, slope = level + one + other, -(fast * one + slow * other)
        below = value < 0.0
        low, high = np.where(below, low, at), np.where(below, at, high)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = at - value / slope
        move = np.where((newton >= low) & (newton <= high), newton, 0.5 * (low + high))
        near = (np.abs(value) <= rounding) | (np.abs(move - at) <= _EPSILON * at)
        at = np.where(done, at, move)
        done = done | near
        if done.all():
            break
    return at


def _integral(rate: F64, hours: F64) -> F64:
    """Integral of ``exp(-rate t)`` over the hours."""
    return np.asarray(-np.expm1(-rate * hours) / rate)
