"""Tell quickly which objects of an extract lie near shapes of the working CRS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.network.phases import Flags, Floats, Ints

NEAR_M = 250.0
PER_DEGREE = 500  # cells along a degree: 200 m at the equator, narrower north and south of it


_ROW = 2**32  # more cells than there are from south to north


@dataclass(frozen=True, eq=False)
class CoarseCells:
    """Cells of longitude and latitude near some shapes, by whole numbers of cells, sorted."""

    cells: Ints

    @classmethod
    def around(cls, shapes: npt.NDArray[np.object_], crs: str) -> CoarseCells:
        """Give the cells that meet the extent of a shape, 250 m wider on each side."""
        import shapely
        from pyproj import Transformer

        there = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
        found: set[int] = set()
        for west, south, east, north in shapely.bounds(shapes):
            if np.isnan(west):
                continue
            wide = west - NEAR_M, south - NEAR_M, east + NEAR_M, north + NEAR_M
            low_x, low_y, high_x, high_y = np.floor(
                np.array(there.transform_bounds(*wide)) * PER_DEGREE
            ).astype(int)
            columns = range(low_x, high_x + 1)
            found |= {int(x * _ROW + y) for x in columns for y in range(low_y, high_y + 1)}
        return cls(np.array(sorted(found), dtype=np.int64))

    def hold(self, spots: Floats) -> Flags:
        """Tell which places, longitude and latitude, lie in a cell."""
        x, y = np.floor(spots * PER_DEGREE).astype(np.int64).T
        held: Flags = np.isin(x * _ROW + y, self.cells)
        return held
