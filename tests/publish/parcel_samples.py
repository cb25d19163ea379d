"""Make synthetic parcels: a lattice of plots with verdicts."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

VERDICTS = ("idle", "surplus", "below_output", None)


def lattice_parcels(rows: int, columns: int, *, side_m: float = 60.0) -> gpd.GeoDataFrame:
    """Lay out plots with slightly moved corners in EPSG:32651 and give them in EPSG:4326."""
    random = np.random.default_rng(3)
    row, column = (grid.ravel() for grid in np.indices((rows, columns)))
    corner = np.stack([350_000 + column * side_m, 3_450_000 + row * side_m], axis=1)
    offsets = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * side_m * 0.9
    corners = corner[:, None, :] + offsets + random.uniform(-3, 3, (len(corner), 4, 2))
    count = len(corner)
    return gpd.GeoDataFrame(
        {
            "parcel_id": [f"P{i:06d}" for i in range(count)],
            "name_zh": [f"地块 {i}" for i in range(count)],
            "name_en": [f"Parcel {i}" for i in range(count)],
            "verdict_type": random.choice(np.array(VERDICTS, dtype=object), count),
            "far": np.round(random.uniform(0.1, 2.5, count), 2),
            "area_m2": np.round(random.uniform(2_000, 3_000, count)),
            "rules": [["开发率低于三分之一", "停工满一年"]] * count,
        },
        geometry=shapely.polygons(corners),
        crs=32651,
    ).to_crs(4326)
