"""Check that points are put on lines as GEOS puts them."""

from __future__ import annotations

import numpy as np
import shapely

from pipeline.network.separation_feet import corners, feet


def test_feet_are_those_of_geos_to_the_last_bit() -> None:
    rng = np.random.default_rng(5)
    lines = np.array(
        [shapely.LineString(rng.uniform(0, 1000, (n, 2))) for n in rng.integers(2, 9, 40)]
        + [shapely.LineString([(0, 0), (300, 0), (300, 400)])]
    )
    line = rng.integers(0, len(lines), 3000)
    xy = rng.uniform(-200, 1200, (3000, 2))
    # Beyond an end, at a corner, and on the line itself.
    line[:3], xy[:3] = 40, [[-50.0, 0.0], [300.0, 0.0], [300.0, 100.0]]
    away, share, foot = feet(corners(lines), line, xy)
    points = shapely.points(xy)
    expected = shapely.line_locate_point(lines[line], points, normalized=True)
    assert (away == shapely.distance(lines[line], points)).all()
    assert (share == expected).all()
    at = shapely.line_interpolate_point(lines[line], expected, normalized=True)
    assert (foot == shapely.get_coordinates(at)).all()
    assert share[:3].tolist() == [0.0, 300 / 700, 400 / 700]
