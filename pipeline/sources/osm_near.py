"""Tell quickly which objects of an extract lie near shapes of the working CRS."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

NEAR_M = 250.0
PER_DEGREE = 500  # cells along a degree: 200 m at the equator, narrower north and south of it


@dataclass(frozen=True)
class CoarseCells:
    """Cells of longitude and latitude near some shapes, by whole numbers of cells."""

    cells: frozenset[tuple[int, int]]

    @classmethod
    def around(cls, shapes: npt.NDArray[np.object_], crs: str) -> CoarseCells:
        """Give the cells that meet the extent of a shape, 250 m wider on each side."""
        import shapely
        from pyproj import Transformer

        there = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
        found: set[tuple[int, int]] = set()
        for west, south, east, north in shapely.bounds(shapes):
            if np.isnan(west):
                continue
            wide = west - NEAR_M, south - NEAR_M, east + NEAR_M, north + NEAR_M
            low_x, low_y, high_x, high_y = np.floor(
                np.array(there.transform_bounds(*wide)) * PER_DEGREE
            ).astype(int)
            found |= {(x, y) for x in range(low_x, high_x + 1) for y in range(low_y, high_y + 1)}
        return cls(frozenset(found))

    def hold(self, spots: Iterable[tuple[float, float]]) -> bool:
        """Tell whether any of the places, longitude and latitude, lies in a cell."""
        return any(
            (int(lon * PER_DEGREE // 1), int(lat * PER_DEGREE // 1)) in self.cells
            for lon, lat in spots
        )
