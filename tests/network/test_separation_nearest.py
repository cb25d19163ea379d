"""Compare straight lines measured by candidates with a search for every cell."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from pipeline.measures.island_grid import GridFrame
from pipeline.network.separation_nearest import nearest_metres


@pytest.mark.parametrize("points", [1, 2, 40, 3000])
@pytest.mark.parametrize("fine_m", [500.0, 100.0, 50.0])
def test_candidates_lose_nothing(points: int, fine_m: float) -> None:
    rng = np.random.default_rng(points)
    grid = GridFrame(350_000.0, 3_400_000.0, 500.0, 14, 23)
    fine = grid.refined(fine_m)
    # Some points lie outside the grid, and some on its corners.
    xy_m = rng.uniform([348_000.0, 3_399_000.0], [364_000.0, 3_409_000.0], (points, 2))
    xy_m[:1] = [350_000.0, 3_400_000.0]
    centres = np.column_stack(fine.centres(np.arange(fine.rows * fine.columns)))
    np.testing.assert_allclose(
        nearest_metres(grid, fine, xy_m), cKDTree(xy_m).query(centres)[0], rtol=1e-12, atol=1e-6
    )
