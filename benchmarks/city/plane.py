"""Lay a round city out as a lattice that is fine in the middle and coarse at the edge."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer
from ruamel.yaml import YAML

PARAMETERS = Path(__file__).with_name("city.yml")
MAIN_EVERY = 8  # lines of the lattice that are main roads; the blocks between them are superblocks

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def read_parameters(path: Path = PARAMETERS) -> dict[str, Any]:
    """Read the figures of the city, without their sources."""
    raw = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return {
        name: entry["value"] if isinstance(entry, Mapping) else entry for name, entry in raw.items()
    }


def with_pois(given: Mapping[str, Any], pois: int) -> dict[str, Any]:
    """Let the kinds that fill up bring the full city to so many points, in proportion."""
    kinds = given["pois"]
    real = sum(kind["count"] for kind in kinds if not kind.get("fills"))
    filled = sum(kind["count"] for kind in kinds if kind.get("fills"))
    share = (pois - real) / filled
    if share < 0:
        msg = f"{pois} points of interest are fewer than the {real} whose counts are kept"
        raise ValueError(msg)
    grown = [
        {**kind, "count": round(kind["count"] * share)} if kind.get("fills") else kind
        for kind in kinds
    ]
    return {**given, "pois": grown}


@dataclass(frozen=True)
class Plane:
    """Where a place of the lattice lies: (i, j) in steps from the centre, whole at crossings."""

    given: Mapping[str, Any]
    size: float

    @cached_property
    def steps(self) -> float:
        """Radius of the city in steps."""
        return math.sqrt(self.given["crossings"] * self.size / math.pi)

    @cached_property
    def edge_spacing_m(self) -> float:
        """Side of a block at the edge, so that the full city has its land."""
        full_steps = math.sqrt(self.given["crossings"] / math.pi)
        return math.sqrt(self.given["land_km2"] * 1e6 / math.pi) / full_steps

    @cached_property
    def river_column(self) -> int:
        """Column of the lattice after which the river runs."""
        return MAIN_EVERY * round(0.12 * self.steps / MAIN_EVERY) + MAIN_EVERY // 2

    @cached_property
    def half(self) -> int:
        """Highest column and row."""
        return math.floor(self.steps)

    def metres(self, i: Floats, j: Floats) -> tuple[Floats, Floats]:
        """Give metres east and north of the centre."""
        low, high = self.given["centre_spacing_m"], self.edge_spacing_m
        step = low + (high - low) * np.hypot(i, j) / self.steps
        return i * step + self.given["river_m"] * (i > self.river_column + 0.5), j * step

    def degrees(self, x: Floats, y: Floats) -> Floats:
        """Give longitude and latitude, shape (n, 2), of metres from the centre."""
        away = Transformer.from_crs("EPSG:4326", self.given["crs"], always_xy=True)
        east, north = away.transform(self.given["centre_lon"], self.given["centre_lat"])
        back = Transformer.from_crs(self.given["crs"], "EPSG:4326", always_xy=True)
        return np.column_stack(back.transform(x + east, y + north))

    def inside(self, i: Floats, j: Floats) -> Flags:
        """Tell which places lie in the city."""
        return np.asarray(np.hypot(i, j) <= self.steps)

    def count(self, name: str) -> int:
        """Give how many of something a city of this size has; one at least."""
        return max(1, round(self.given[name] * self.size))
