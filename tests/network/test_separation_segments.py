"""Meetings and pieces found with arrays are those that geometry finds one by one."""

from __future__ import annotations

import numpy as np
import shapely

from pipeline.network.separation_segments import SegmentGrid
from pipeline.network.separation_streets import Streets, cut


def bent_lines(count: int, *, seed: int) -> np.ndarray:
    """Strew lines of two to six points over 3 km, some much longer than a cell."""
    rng = np.random.default_rng(seed)
    return np.array(
        [
            shapely.LineString(
                rng.uniform(0, 3000, 2)
                + np.cumsum(rng.normal(0, scale, (rng.integers(2, 7), 2)), axis=0)
            )
            for scale in rng.choice([20.0, 90.0, 700.0], count)
        ]
    )


def test_lines_meet_where_geometry_says() -> None:
    lines, moved = bent_lines(150, seed=1), bent_lines(60, seed=2)
    xy = shapely.get_coordinates(moved, return_index=True)
    on = np.flatnonzero(xy[1][1:] == xy[1][:-1])
    start, run = xy[0][on], xy[0][on + 1] - xy[0][on]
    line, share = SegmentGrid.of(lines).meetings(start, run)
    found = start[line] + run[line] * share[:, None]
    straight = shapely.linestrings(np.stack([start, start + run], axis=1))
    expected = [
        point
        for one in straight
        for point in shapely.get_coordinates(shapely.intersection(lines, one))
    ]
    assert len(found) == len(expected) > 200
    away = shapely.distance(shapely.points(found), shapely.multipoints(np.array(expected)))
    assert away.max() < 1e-6
    assert (np.diff(line) >= 0).all()


def test_a_line_off_the_grid_meets_nothing() -> None:
    grid = SegmentGrid.of(np.array([shapely.LineString([(0, 0), (250, 0)])]))
    far = np.array([[-500.0, -900.0], [9000.0, 0.0]])
    line, share = grid.meetings(far, np.array([[0.0, 100.0], [10.0, 0.0]]))
    assert len(line) == len(share) == 0
    line, share = grid.meetings(np.array([[100.0, -300.0]]), np.array([[0.0, 400.0]]))
    assert line.tolist() == [0]
    assert share.tolist() == [0.75]


def test_pieces_lie_where_geometry_puts_them() -> None:
    lines = bent_lines(80, seed=3)
    length = shapely.length(lines)
    node = np.zeros(len(lines), dtype=np.int64)
    pieces = cut(Streets(np.zeros((1, 2)), node, node, length, node > 0, lines))
    middle = shapely.line_interpolate_point(
        lines[pieces.edge], pieces.share(slice(None)), normalized=True
    )
    assert np.allclose(shapely.get_coordinates(middle), pieces.xy_m, rtol=0, atol=1e-7)
    assert (np.diff(pieces.first) == np.bincount(pieces.edge)).all()
    assert (pieces.edge[pieces.first[:-1]] == np.arange(len(lines))).all()
