"""Name plates to per-unit admittances: pi model of a line, T model of a two-winding transformer.

Both follow pandapower's definitions (https://pandapower.readthedocs.io, "Line" and "Transformer"), which the tests hold to 1e-6 pu.
"""

from typing import Any, NamedTuple

import numpy as np

from data.arrays import C128, F64, I64
from environment.grid.model import BASE_MVA, Transformers


class Pi(NamedTuple):
    """Admittances in per unit and complex ratio of branches, shape (m,) each."""

    series: C128
    shunt_from: C128
    shunt_to: C128
    tap: C128


def line_pi(kv: F64, r_ohm: F64, x_ohm: F64, c_nf: F64, g_us: F64, frequency_hz: float) -> Pi:
    """Pi model of lines from their total values (length and parallel systems already counted)."""
    ohm_base = kv**2 / BASE_MVA
    series = ohm_base / (r_ohm + 1j * x_ohm)
    shunt = (g_us * 1e-6 + 2j * np.pi * frequency_hz * c_nf * 1e-9) * ohm_base / 2
    return _pi(series, shunt, shunt.copy(), np.ones(len(kv)))


def transformer_pi(plate: Transformers, hv_kv: F64, lv_kv: F64, position: I64) -> Pi:
    """Pi model of transformers at the tap positions given, from the T model with its leakage halved between the sides.

    A tap on the high-voltage side changes the ratio alone, one on the low-voltage side also the impedance seen from there.

    Args:
        plate: name plates, shape (t,).
        hv_kv: nominal voltage of the high-voltage bus, shape (t,).
        lv_kv: nominal voltage of the low-voltage bus, shape (t,).
        position: tap positions, shape (t,).
    """
    turns = 1.0 + (position - plate.tap_neutral) * plate.tap_step_percent / 100.0
    on_hv = np.array([side == "hv" for side in plate.tap_side], bool)
    vn_hv = plate.vn_hv_kv * np.where(on_hv, turns, 1.0)
    vn_lv = plate.vn_lv_kv * np.where(on_hv, 1.0, turns)
    scale = (vn_lv / lv_kv) ** 2 * BASE_MVA / plate.sn_mva / plate.parallel
    z_percent = plate.vkr_percent + 1j * np.sqrt(np.maximum(plate.vk_percent**2 - plate.vkr_percent**2, 0.0))
    series, shunt_from, shunt_to = _star_to_pi(z_percent / 100.0 * scale, _no_load(plate) / scale)
    ratio = (vn_hv / vn_lv) / (hv_kv / lv_kv)
    return _pi(series, shunt_from, shunt_to, ratio * np.exp(1j * np.deg2rad(plate.shift_degree)))


def _no_load(plate: Transformers) -> C128:
    """Magnetising admittance in per unit of one unit's rating."""
    iron = plate.pfe_kw / 1000.0 / plate.sn_mva
    total = plate.i0_percent / 100.0
    return iron - 1j * np.sqrt(np.maximum(total**2 - iron**2, 0.0))


def _star_to_pi(z: C128, y_magnetising: C128) -> tuple[C128, C128, C128]:
    """Series impedance z, half on each side of the magnetising branch, as an equal pi."""
    half = z / 2
    total = 2 * half + half**2 * y_magnetising  # star-triangle, divided by the star's third impedance
    shunt = half * y_magnetising / total
    return 1.0 / total, shunt, shunt.copy()


def _pi(*columns: Any) -> Pi:
    return Pi(*(np.asarray(column, np.complex128) for column in columns))
