"""Draw the streets: main roads, blocks, bridges, closed compounds with gates, expressways."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from benchmarks.city.land import Zone, zone_grid
from benchmarks.city.plane import MAIN_EVERY, Flags, Floats, Ints, Plane

WAY_EDGES = 10  # a way is cut after so many edges, as mappers cut them where something changes
EXPRESS_EVERY = 64
RAMP_EVERY = 24
MINOR = np.array(["residential", "living_street", "unclassified", "service", "footway"])
MINOR_SHARES = np.array([0.5, 0.15, 0.1, 0.15, 0.1])
MAIN = {32: "primary", 16: "secondary", 8: "tertiary"}
SPEEDS = {"primary": "60", "secondary": "50", "tertiary": "40"}


@dataclass
class Streets:
    """Nodes and ways of the streets; `nodes` are lattice places, numbered from 0.

    `crossing` maps [i + half, j + half] to the node (-1 for none); `gates` are nodes with a gate.
    """

    i: Floats
    j: Floats
    crossing: Ints
    gates: dict[int, dict[str, str]] = field(default_factory=dict)
    ways: list[tuple[list[int], dict[str, str]]] = field(default_factory=list)


def draw_streets(plane: Plane, zones: list[Zone], rng: np.random.Generator) -> Streets:
    """Draw the lattice's lines as ways, then the expressways over it."""
    grid = zone_grid(plane, zones)
    span = np.arange(-plane.half, plane.half + 1)
    i, j = np.meshgrid(span, span, indexing="ij")
    there = plane.inside(i.astype(float), j.astype(float)) & (i < plane.half) & (j < plane.half)
    crossing = np.full(i.shape, -1, dtype=np.int64)
    crossing[there] = np.arange(int(there.sum()))
    shaken = rng.normal(0, 0.07, (2, int(there.sum())))
    streets = Streets(i[there] + shaken[0], j[there] + shaken[1], crossing)
    for along in ("i", "j"):
        _draw_lines(plane, zones, grid, streets, along=along, rng=rng)
    _draw_expressways(plane, streets)
    return streets


def _draw_lines(
    plane: Plane,
    zones: list[Zone],
    grid: Ints,
    streets: Streets,
    *,
    along: str,
    rng: np.random.Generator,
) -> None:
    """Draw all lines of one direction: `along` i runs east, along j north."""
    turn = (lambda a: a) if along == "i" else (lambda a: a.T)
    nodes, zone = turn(streets.crossing), turn(grid)
    u, v = nodes[:-1], nodes[1:]
    line = np.broadcast_to(np.arange(-plane.half, plane.half + 1), u.shape)
    place = np.broadcast_to(np.arange(-plane.half, plane.half)[:, None], u.shape)
    main = line % MAIN_EVERY == 0
    crosses = (zone[:-1] != zone[1:]) & (u >= 0) & (v >= 0)
    kept = (u >= 0) & (v >= 0)
    kept &= main | (rng.random(u.shape) >= plane.given["minor_left_out_share"])
    wet = (place == plane.river_column) & (along == "i")
    bridges = wet & (line % plane.given["bridge_every_crossings"] == 0)
    kept &= ~wet | bridges
    gate = kept & crosses & ~main & _gates(zones, zone, rng, plane)
    walled = np.array([False, *(one.walled for one in zones)])
    open_to = ~(walled[zone[:-1]] | walled[zone[1:]]) & (rng.random(u.shape) < 0.5)
    kept &= ~crosses | main | gate | open_to
    inner = (zone[:-1] == zone[1:]) & walled[zone[:-1]]
    kind = _kinds(line, place, rng)
    kind = np.where(inner & ~main, "private", kind)
    kind = np.where(bridges & kept, "bridge", kind)
    oneway = rng.random(u.shape[1]) < plane.given["oneway_share"]
    middle = _middles(streets, u, v, kept=kept, gate=gate, rng=rng, along=along)
    for at in _runs(kept, kind, place):
        row, column = at
        line_no = int(line[0, column])
        path = [int(u[row[0], column])]
        for step in row:
            if middle[step, column] >= 0:
                path.append(int(middle[step, column]))
            path.append(int(v[step, column]))
        tags = _tags(str(kind[row[0], column]), along, line_no, oneway=bool(oneway[column]))
        streets.ways.append((path, tags))


def _gates(zones: list[Zone], zone: Ints, rng: np.random.Generator, plane: Plane) -> Flags:
    """Choose which steps across the edge of a walled zone are gates."""
    share = np.zeros(len(zones) + 1)
    for number, one in enumerate(zones, start=1):
        wanted = plane.given["gates_per_compound"] * (3 if one.kind == "park" else 1)
        share[number] = min(1.0, wanted / (4 * one.side)) if one.walled else 0.0
    number = np.maximum(zone[:-1], zone[1:])
    return np.asarray(rng.random(number.shape) < share[number])


def _kinds(line: Ints, place: Ints, rng: np.random.Generator) -> np.ndarray:
    """Give each piece its class: by its line for main roads, drawn block by block for the rest."""
    blocks = (place - place.min()) // WAY_EDGES
    drawn = rng.choice(MINOR, size=(int(blocks.max()) + 1, line.shape[1]), p=MINOR_SHARES)
    kind = np.take_along_axis(drawn, blocks, axis=0).astype("U12")
    for every in sorted(MAIN):
        kind = np.where(line % every == 0, MAIN[every], kind)
    return kind


def _middles(
    streets: Streets,
    u: Ints,
    v: Ints,
    *,
    kept: Flags,
    gate: Flags,
    rng: np.random.Generator,
    along: str,
) -> Ints:
    """Bend half of the pieces by a node between; a gate is such a node, on the wall."""
    bent = kept & (gate | (rng.random(u.shape) < 0.5))
    first = len(streets.i)
    middle = np.full(u.shape, -1, dtype=np.int64)
    middle[bent] = first + np.arange(int(bent.sum()))
    a, b, aside = u[bent], v[bent], rng.normal(0, 0.06, int(bent.sum()))
    at_gate = gate[bent]
    aside[at_gate] = 0.0
    new_i, new_j = (streets.i[a] + streets.i[b]) / 2, (streets.j[a] + streets.j[b]) / 2
    if along == "i":
        new_i[at_gate] = np.round(new_i[at_gate] - 0.5) + 0.5
        new_j += aside
    else:
        new_j[at_gate] = np.round(new_j[at_gate] - 0.5) + 0.5
        new_i += aside
    streets.i = np.concatenate((streets.i, new_i))
    streets.j = np.concatenate((streets.j, new_j))
    for node in middle[gate & bent].tolist():
        streets.gates[node] = {"barrier": "gate"} | ({"access": "private"} if node % 2 else {})
    return middle


def _runs(kept: Flags, kind: np.ndarray, place: Ints) -> list[tuple[range, int]]:
    """Cut each line where a piece is missing, its class changes or the way gets long."""
    found = []
    for column in range(kept.shape[1]):
        rows = np.flatnonzero(kept[:, column])
        if not len(rows):
            continue
        changed = (
            (np.diff(rows) > 1)
            | (kind[rows[1:], column] != kind[rows[:-1], column])
            | ((place[rows[1:], column] - place.min()) % WAY_EDGES == 0)
        )
        starts = np.concatenate(([0], np.flatnonzero(changed) + 1))
        ends = np.append(starts[1:], len(rows))
        found += [
            (range(int(rows[one]), int(rows[other - 1]) + 1), column)
            for one, other in zip(starts, ends, strict=True)
        ]
    return found


def _tags(kind: str, along: str, line: int, *, oneway: bool) -> dict[str, str]:
    if kind == "private":
        return {"highway": "service", "access": "private"}
    tags = {"highway": "primary" if kind == "bridge" else kind}
    if kind == "bridge":
        tags |= {"bridge": "yes", "layer": "1"}
    if tags["highway"] in SPEEDS:
        tags |= {"name": f"{'纬' if along == 'i' else '经'}{line}路"}
        tags["maxspeed"] = SPEEDS[tags["highway"]]
    elif oneway and kind != "footway":
        tags["oneway"] = "yes"
    return tags


def _draw_expressways(plane: Plane, streets: Streets) -> None:
    """Lay elevated expressways between main roads, with ramps to the street below."""
    half = plane.half
    for along in ("i", "j"):
        for line in range(-half, half + 1):
            if line % EXPRESS_EVERY != EXPRESS_EVERY // 2:
                continue
            run = np.arange(-half, half + 1, 2)
            i, j = (run, np.full(len(run), line + 0.35))
            if along == "j":
                i, j = j, i
            there = plane.inside(np.asarray(i, float), np.asarray(j, float))
            first = len(streets.i)
            streets.i = np.concatenate((streets.i, np.asarray(i, float)[there]))
            streets.j = np.concatenate((streets.j, np.asarray(j, float)[there]))
            nodes = list(range(first, len(streets.i)))
            tags = {"highway": "motorway", "bridge": "yes", "layer": "2", "maxspeed": "80"}
            name = {"name": f"{'东西' if along == 'i' else '南北'}{line}高架"}
            for start in range(0, len(nodes) - 1, WAY_EDGES):
                streets.ways.append((nodes[start : start + WAY_EDGES + 1], tags | name))
            _draw_ramps(plane, streets, nodes)


def _draw_ramps(plane: Plane, streets: Streets, nodes: list[int]) -> None:
    for node in nodes[:: RAMP_EVERY // 2]:
        i, j = round(streets.i[node]), round(streets.j[node])
        if max(abs(i), abs(j)) <= plane.half:
            below = int(streets.crossing[i + plane.half, j + plane.half])
            if below >= 0:
                streets.ways.append(([node, below], {"highway": "motorway_link"}))
