"""Estimate costs along straight lines where streets cannot tell, beside measured ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import KDTree

from pipeline.network.costs import nearest_entrances
from pipeline.network.phases import Flags, Floats, Ints

_ORIGINS_PER_BLOCK = 50_000
# Wider than rounding; the exact comparison with the cutoff follows.
_SLACK_M = 1e-3


@dataclass(frozen=True, eq=False)
class StraightEstimate:
    """What a straight-line estimate needs."""

    origin_xy: Floats
    facility_xy: Floats
    codes: NDArray[np.intp]
    detour_factor: float
    speed_m_min: float

    def to_facilities(self, pairs: pd.DataFrame) -> Floats:
        """Estimate pairs of origin row and facility code from the nearest of all entrances."""
        entrances = pd.DataFrame({"target": self.codes, "entrance": np.arange(len(self.codes))})
        keys = pairs[["origin", "target"]].reset_index(drop=True).assign(pair=np.arange(len(pairs)))
        joined = keys.merge(entrances, on="target")
        offset = (
            self.origin_xy[joined["origin"].to_numpy()]
            - self.facility_xy[joined["entrance"].to_numpy()]
        )
        gap_m = np.full(len(pairs), np.inf)
        np.minimum.at(gap_m, joined["pair"].to_numpy(), np.hypot(offset[:, 0], offset[:, 1]))
        return gap_m * self.detour_factor / self.speed_m_min


def straight_pairs(
    origin_xy: Floats,
    facility_xy: Floats,
    groups: list[tuple[Ints, Flags, float]],
    codes: NDArray[np.intp],
) -> pd.DataFrame:
    """List origins and facilities that are near by air and not measured from each other.

    Returns
    -------
    pairs
        Columns `origin`, `target` (facility code), `straight_m` and `whole`, whether that is the
        distance to the nearest of all entrances; one row per pair.
    """
    parts = []
    for rows, unmeasured, within_m in groups:
        entrances = np.flatnonzero(unmeasured)
        if len(entrances) == 0:
            continue
        tree = KDTree(facility_xy[entrances])
        for begin in range(0, len(rows), _ORIGINS_PER_BLOCK):
            block = rows[begin : begin + _ORIGINS_PER_BLOCK]
            hits = KDTree(origin_xy[block]).sparse_distance_matrix(
                tree, within_m + _SLACK_M, output_type="ndarray"
            )
            part = pd.DataFrame(
                {
                    "origin": block[hits["i"]],
                    "target": codes[entrances[hits["j"]]],
                    "minutes": hits["v"],
                }
            )
            parts.append(nearest_entrances(part).assign(whole=bool(unmeasured.all())))
    columns = {"origin": "int64", "target": "int64", "minutes": "float64", "whole": "bool"}
    pairs = pd.concat(parts) if parts else pd.DataFrame(columns=list(columns)).astype(columns)
    return pairs.rename(columns={"minutes": "straight_m"})


def merge_methods(
    measured: pd.DataFrame, straight: pd.DataFrame, estimate: StraightEstimate
) -> pd.DataFrame:
    """Keep the measured cost of a pair unless an unmeasured entrance might be nearer.

    Returns
    -------
    table
        Columns `origin`, `target`, `minutes`, `measured`, sorted by origin and target.
    """
    both = measured.merge(straight, on=["origin", "target"], how="outer")
    nearest_by_air = both["straight_m"].to_numpy() / estimate.speed_m_min
    minutes = both["minutes"].to_numpy(dtype=np.float64, copy=True)
    keep = ~np.isnan(minutes) & ~(nearest_by_air < minutes)
    direct = ~keep & both["whole"].eq(True).to_numpy()  # noqa: FBT003
    minutes[direct] = nearest_by_air[direct] * estimate.detour_factor
    partly = ~keep & ~direct
    minutes[partly] = estimate.to_facilities(both[partly])
    table = both[["origin", "target"]].assign(minutes=minutes, measured=keep)
    return table.sort_values(["origin", "target"], ignore_index=True)
