"""Build lattices of streets with a block taken out, walled, or filled with interior ways."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import geopandas as gpd
import numpy as np
import shapely

from pipeline.network.separation_streets import Streets

CRS = "EPSG:32651"
Edge = tuple[float, float, float, float]


def lattice(
    *,
    step_m: float = 100.0,
    cells: int = 40,
    drop: Callable[[float, float], bool] = lambda _x, _y: False,
    interior: Callable[[float, float], bool] = lambda _x, _y: False,
    extra: tuple[tuple[Edge, bool], ...] = (),
) -> Streets:
    """
    Give a square lattice from (0, 0).

    `drop` and `interior` look at an edge's middle; `extra` adds straight edges with their flag.
    """
    axis = np.arange(cells + 1) * step_m
    edges: list[tuple[Edge, bool]] = []
    for a in axis:
        for b, c in pairwise(axis):
            for edge in ((a, b, a, c), (b, a, c, a)):
                x, y = (edge[0] + edge[2]) / 2, (edge[1] + edge[3]) / 2
                if not drop(x, y):
                    edges.append((edge, interior(x, y)))
    return from_edges([*edges, *extra])


def from_edges(edges: list[tuple[Edge, bool]]) -> Streets:
    """Turn straight edges with their interior flag into streets."""
    ends = np.array([edge for edge, _ in edges], dtype=float)
    xy, number = np.unique(ends.reshape(-1, 2), axis=0, return_inverse=True)
    pair = number.reshape(-1, 2)
    nodes = gpd.GeoDataFrame(
        {"node_id": 1000 + np.arange(len(xy))}, geometry=shapely.points(xy), crs=CRS
    )
    lines = shapely.linestrings(ends.reshape(-1, 2, 2))
    table = {
        "u": 1000 + pair[:, 0],
        "v": 1000 + pair[:, 1],
        "length_m": shapely.length(lines),
        "interior": [flag for _, flag in edges],
    }
    return Streets.from_tables(nodes, gpd.GeoDataFrame(table, geometry=lines, crs=CRS))


def inside(box: shapely.Polygon) -> Callable[[float, float], bool]:
    """Tell whether a point lies strictly inside a rectangle."""
    west, south, east, north = box.bounds
    return lambda x, y: west < x < east and south < y < north
