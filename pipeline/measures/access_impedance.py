"""Weigh travel times: how much a facility counts at t minutes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.measures.access_pairs import FloatArray
from pipeline.settings.decay import ImpedanceSettings


def exponential_weight(minutes: FloatArray, *, half_time_min: float) -> FloatArray:
    """Halve the weight every `half_time_min` minutes; 1 at zero."""
    halvings = np.asarray(minutes / -half_time_min, dtype=np.float64)
    return np.exp2(halvings, out=halvings)


def power_weight(minutes: FloatArray, *, exponent: float, floor_min: float) -> FloatArray:
    """Weigh by max(t, floor)^-exponent, t in minutes."""
    return np.asarray(np.maximum(minutes, floor_min) ** -exponent, dtype=np.float64)


def gaussian_weight(minutes: FloatArray, *, scale_min: float) -> FloatArray:
    """Weigh by exp(-(t/scale)^2 / 2); 1 at zero, never quite 0."""
    return np.asarray(np.exp(-0.5 * (minutes / scale_min) ** 2), dtype=np.float64)


def truncated_gaussian_weight(minutes: FloatArray, *, cutoff_min: float) -> FloatArray:
    """Weigh by Dai's gaussian: 1 at zero, falling to exactly 0 at the cutoff and beyond.

    f(t) = (exp(-(t/c)^2/2) - exp(-1/2)) / (1 - exp(-1/2)) for t <= c, else 0
    (Dai 2010, 10.1016/j.healthplace.2010.06.012). A facility at exactly the cutoff is within the
    catchment and weighs nothing.
    """
    floor = np.exp(-0.5)
    inside = minutes <= cutoff_min
    result = np.zeros_like(minutes, dtype=np.float64)
    near = minutes[inside] / cutoff_min
    result[inside] = (np.exp(-0.5 * near * near) - floor) / (1.0 - floor)
    return result


def stepwise_weight(
    minutes: FloatArray, *, edges_min: Sequence[float], weights: Sequence[float]
) -> FloatArray:
    """Weigh by travel-time zone, upper edges inclusive; 0 beyond the last.

    Luo and Qi 2009, 10.1016/j.healthplace.2009.06.002.
    """
    result = np.zeros_like(minutes, dtype=np.float64)
    for edge, weight in zip(reversed(edges_min), reversed(weights), strict=True):
        result[minutes <= edge] = weight
    return result


def impedance_weight(minutes: FloatArray, *, impedance: ImpedanceSettings) -> FloatArray:
    """Weigh by the decay that the settings choose."""
    if impedance.kind == "exponential":
        return exponential_weight(minutes, half_time_min=impedance.half_time_min)
    if impedance.kind == "power":
        return power_weight(minutes, exponent=impedance.exponent, floor_min=impedance.floor_min)
    return gaussian_weight(minutes, scale_min=impedance.scale_min)
