"""Divide a rectangle into street blocks and plots, by seed, for the demonstration zone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Plots:
    """Plots as boxes (west, south, east, north), the first ones of the areas asked for."""

    boxes: list[Box]
    blocks: list[int]


def divide(
    zone: Box,
    *,
    plots: int,
    columns: int,
    rows: int,
    street_m: float,
    carved_m2: tuple[float, ...],
    rng: np.random.Generator,
) -> Plots:
    """Divide a rectangle into plots without gaps inside the blocks.

    1. Streets of one width cut the rectangle into columns x rows blocks of uneven size.
    2. Plots of the areas asked for are carved exactly, one above the other, from the west side of
       the largest block.
    3. The largest remaining piece is halved across its longer side, at 40 to 60 %, until there are
       enough plots.

    Parameters
    ----------
    zone
        West, south, east, north in metres.
    plots
        Number of plots, those carved included.
    columns, rows, street_m
        The grid of streets.
    carved_m2
        Areas of the plots to carve.
    rng
        Source of randomness.
    """
    west, south, east, north = zone
    xs = _cuts(west, east, columns, street_m, rng)
    ys = _cuts(south, north, rows, street_m, rng)
    blocks = [(x0, y0, x1, y1) for y0, y1 in ys for x0, x1 in xs]
    home = max(range(len(blocks)), key=lambda k: _area(blocks[k]))
    carved, rest = _carve(blocks[home], carved_m2)
    pieces = [(home, rest) if k == home else (k, block) for k, block in enumerate(blocks)]
    while len(pieces) + len(carved) < plots:
        largest = max(range(len(pieces)), key=lambda k: (_area(pieces[k][1]), -k))
        block, piece = pieces.pop(largest)
        pieces += [(block, half) for half in _halve(piece, float(rng.uniform(0.4, 0.6)))]
    pieces.sort(key=lambda p: (p[0], p[1][1], p[1][0]))
    return Plots(
        boxes=[*carved, *(piece for _, piece in pieces)],
        blocks=[*[home] * len(carved), *(block for block, _ in pieces)],
    )


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _cuts(
    low: float, high: float, count: int, street_m: float, rng: np.random.Generator
) -> list[tuple[float, float]]:
    """Cut a side into stretches of uneven length with a street between neighbours."""
    weights = rng.uniform(0.8, 1.2, count)
    lengths = weights / weights.sum() * (high - low - street_m * (count - 1))
    ends = low + np.cumsum(lengths) + street_m * np.arange(count)
    starts = ends - lengths
    starts[0], ends[-1] = low, high
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _carve(block: Box, areas: tuple[float, ...]) -> tuple[list[Box], Box]:
    west, south, east, north = block
    if not areas:
        return [], block
    width = sum(areas) / (north - south)
    edges = south + np.concatenate([[0.0], np.cumsum(areas)]) / width
    edges[-1] = north
    carved = [(west, low, west + width, high) for low, high in pairwise(edges.tolist())]
    return carved, (west + width, south, east, north)


def _halve(box: Box, at: float) -> tuple[Box, Box]:
    west, south, east, north = box
    if east - west >= north - south:
        middle = west + (east - west) * at
        return (west, south, middle, north), (middle, south, east, north)
    middle = south + (north - south) * at
    return (west, south, east, middle), (west, middle, east, north)
