"""Hold the colours of maps and figures, chosen to be told apart without colour vision."""

from __future__ import annotations

import numpy as np

#: Gap classes from small to large: lightness falls at every step, so print and every kind of
#: colour vision keep the order.
GAP = ("#f6e8c3", "#f0b86a", "#dd7a4a", "#a63d5c", "#4f1550")
GAP_UNKNOWN = "#aeb6be"

#: The island effect: quiet greys, since a place among relocations is no deficit by itself;
#: what is significant is outlined.
ISLAND = ("#eef2f5", "#d3dde5", "#adbcc9", "#8094a5", "#536b80")
SIGNIFICANT = "#c4500b"

#: Tiers: hues of Okabe and Ito (2008), darkened for contrast on a light ground.
TIER = {
    "core": "#0b4f8a",
    "zone": "#00795a",
    "x": "#1f7fb8",
    "carrier": "#c4500b",
    "cluster": "#9c4a7e",
    "local": "#5b6470",
    "comparator": "#5b6470",
    "policy": "#5b6470",
}

FACILITY = {"rail": "#33475b", "hospital": "#c1121f", "school": "#0a6e8a"}

#: Outcomes of parcels: eight hues of Okabe and Ito, grey kept for "no verdict".
PARCEL = (
    "#d55e00", "#e69f00", "#f0e442", "#009e73", "#0072b2", "#56b4e9", "#cc79a7", "#6a3d9a",
)  # fmt: skip

#: Catchment bands from near to far.
CATCHMENT = ("#0a6e8a", "#3c9bb3", "#7fc1d0", "#b9dfe6", "#dcf0f3")

WATER = "#dfe8ee"
LAND = "#fbfaf6"
OUTLINE = "#b9c1c8"
METRO = "#7d8da0"

# Machado, Oliveira and Fernandes (2009), full severity, on linear RGB.
_DEFICIENCY = {
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def linear_rgb(colour: str) -> np.ndarray:
    """Turn ``#rrggbb`` into linear RGB in 0..1 (IEC 61966-2-1)."""
    coded = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004


def luminance(colour: str) -> float:
    """Give the relative luminance of a colour (WCAG 2.1)."""
    return float(linear_rgb(colour) @ np.array([0.2126, 0.7152, 0.0722]))


def contrast(one: str, other: str) -> float:
    """Give the contrast ratio of two colours, 1 to 21 (WCAG 2.1)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def seen_lightness(colour: str, deficiency: str) -> float:
    """Give the lightness L* (0..100) of a colour as seen with a colour vision deficiency.

    `deficiency` is ``protan``, ``deutan`` or ``tritan``, at full severity.
    """
    seen = np.clip(np.array(_DEFICIENCY[deficiency]) @ linear_rgb(colour), 0, 1)
    y = float(seen @ np.array([0.2126, 0.7152, 0.0722]))
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y  # noqa: PLR2004
