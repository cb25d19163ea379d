"""Give every tier of a study a shape and a colour of its own."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.publish.palettes import PARCEL, TIER

#: A shape for each tier beside its colour.
TIER_SHAPE = {
    "core": "star",
    "zone": "circle",
    "x": "diamond",
    "carrier": "square",
    "cluster": "pentagon",
    "local": "triangle",
    "comparator": "cross_fill",
    "policy": "hexagon",
}
OTHER_SHAPES = ("circle", "square", "diamond", "triangle", "pentagon", "hexagon", "star")


def tier_marks(codes: Mapping[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Give each tier its shape and colour; tiers of another city take them in turn."""
    free = [
        (OTHER_SHAPES[n % len(OTHER_SHAPES)], PARCEL[n % len(PARCEL)]) for n in range(len(codes))
    ]
    strange = iter(free)
    return {
        code: (TIER_SHAPE[code], TIER[code]) if code in TIER_SHAPE else next(strange)
        for code in codes
    }
