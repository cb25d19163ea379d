"""Write the city as an OpenStreetMap extract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import osmium

from benchmarks.city.plane import Floats, Plane

SNAPSHOT = "2026-05-19T00:00:00Z"
Tags = Mapping[str, str]


@dataclass
class Drawing:
    """Nodes and ways in the making; nodes are numbered from 1 in the order they are added."""

    plane: Plane
    places: list[Floats] = field(default_factory=list)
    node_tags: dict[int, Tags] = field(default_factory=dict)
    ways: list[tuple[Sequence[int], Tags]] = field(default_factory=list)
    nodes: int = 0

    def add_nodes(self, i: Floats, j: Floats) -> int:
        """Add nodes at places of the lattice; gives the id of the first."""
        first = self.nodes + 1
        self.places.append(self.plane.degrees(*self.plane.metres(i, j)))
        self.nodes += len(i)
        return first

    def add_points(self, i: Floats, j: Floats, tags: Iterable[Tags]) -> None:
        """Add nodes with tags."""
        first = self.add_nodes(i, j)
        self.node_tags |= dict(enumerate(tags, start=first))

    def add_rings(self, i: Floats, j: Floats, tags: Iterable[Tags]) -> None:
        """Add closed ways, one for each row of corners, shape (n, corners)."""
        first, corners = self.add_nodes(i.ravel(), j.ravel()), i.shape[1]
        for ring, own in enumerate(tags):
            start = first + ring * corners
            self.ways.append(([*range(start, start + corners), start], own))

    def write(self, path: Path) -> None:
        """Write the extract; nodes before ways, each sorted by id."""
        header = osmium.io.Header()
        header.set("osmosis_replication_timestamp", SNAPSHOT)
        place = np.concatenate(self.places)
        low, high = place.min(axis=0), place.max(axis=0)
        header.add_box(osmium.osm.Box(low[0], low[1], high[0], high[1]))
        mutable, empty = osmium.osm.mutable, {}
        with osmium.SimpleWriter(str(path), header=header, overwrite=True) as writer:
            for number, spot in enumerate(_pairs(place), start=1):
                tags = self.node_tags.get(number, empty)
                writer.add_node(mutable.Node(id=number, location=spot, tags=tags))
            for number, (refs, tags) in enumerate(self.ways, start=1):
                writer.add_way(mutable.Way(id=number, nodes=refs, tags=tags))


def _pairs(place: Floats, rows: int = 100_000) -> Iterator[tuple[float, float]]:
    """Give the places one by one without making a list of all."""
    for start in range(0, len(place), rows):
        yield from map(tuple, place[start : start + rows].tolist())
