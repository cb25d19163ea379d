"""Gather the objects of an extract that belong to some categories, with their shapes, as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from pipeline.network.osm_lines import tags_of
from pipeline.network.phases import Flags, Floats, Ints
from pipeline.sources.osm_areas import assembled, closed_ways, plain_areas
from pipeline.sources.osm_mapping import Matcher
from pipeline.sources.osm_near import CoarseCells
from pipeline.sources.osm_objects import Lines, Objects
from pipeline.sources.osm_tags import Described

Shapes = npt.NDArray[np.object_]

_NO_AREA = "(^|,)area=no(,|$)"
_ASSEMBLED = "(^|,)type=(multipolygon|boundary)(,|$)"


@dataclass(frozen=True, eq=False)
class Rows:
    """Objects of one category: `said` are rows of what their tags say, `shapes` in degrees."""

    kind: str
    category: str
    ids: Ints
    said: Ints
    basis: Shapes
    shapes: Shapes

    def take(self, rows: Flags) -> Rows:
        """Give some of them."""
        return replace(
            self,
            ids=self.ids[rows],
            said=self.said[rows],
            basis=self.basis[rows],
            shapes=self.shapes[rows],
        )


@dataclass
class Gathered:
    """What was found; `latest` is the newest edit, empty where none is stated."""

    rows: list[Rows] = field(default_factory=list)
    said: list[Described] = field(default_factory=list)
    partly_located: int = 0
    latest: str = ""


class Gatherer:
    """Objects of the categories of a matcher; of some, only those near shapes."""

    def __init__(self, matcher: Matcher, near: Mapping[str, CoarseCells]) -> None:
        self.found = Gathered()
        self._matcher = matcher
        self._near = near
        self._known: dict[str, int] = {}
        self._odd: list[Objects] = []  # ways that may be areas, but are no plain rings
        self._relations: list[Objects] = []

    def gather(self, lines: Lines, folder: Path) -> Gathered:
        """Take all objects; areas that are no plain rings are assembled at the end."""
        for block in lines.blocks():
            self._take(block)
        self._assemble(lines, folder)
        return self.found

    def _take(self, block: Objects) -> None:
        """Take the objects of one kind that belong to some category."""
        decisive = block.deciding(self._matcher.deciding)
        kinds = [
            self._matcher.categories(tags_of(text)) for text in decisive.dictionary.to_pylist()
        ]
        code = decisive.indices.to_numpy()
        chosen = np.flatnonzero(np.array([bool(kind) for kind in kinds], dtype=bool)[code])
        if len(chosen) == 0:
            return
        block, code = block.take(chosen), code[chosen]
        self.found.latest = max(self.found.latest, pc.max(block.edited).as_py()[1:])
        said = self._described(block.tags)
        wanted = {
            name: np.flatnonzero(np.array([name in kind for kind in kinds], dtype=bool)[code])
            for name in sorted({name for kind in kinds for name in kind})
        }
        if block.kind == "n":
            self._take_nodes(block, said, wanted)
        elif block.kind == "w":
            self._take_ways(block, said, wanted)
        else:
            self._take_relations(block, said, wanted)

    def _described(self, tags: pa.StringArray) -> Ints:
        """Say what tags mean, once for each set of them."""
        texts = tags.dictionary_encode()
        rows = []
        for text in texts.dictionary.to_pylist():
            if text not in self._known:
                self._known[text] = len(self.found.said)
                self.found.said.append(Described.of(tags_of(text), self._matcher))
            rows.append(self._known[text])
        said: Ints = np.array(rows, dtype=np.int64)[texts.indices.to_numpy()]
        return said

    def _forms(self, category: str) -> Sequence[str]:
        return self._matcher.mapping.categories[category].forms

    def _append(
        self, like: Objects, category: str, said: Ints, basis: Shapes, shapes: Shapes
    ) -> None:
        rows = Rows(like.kind, category, like.ids, said, basis, shapes)
        self.found.rows.append(rows)

    def _take_nodes(self, block: Objects, said: Ints, wanted: Mapping[str, Ints]) -> None:
        _, spots = block.spots()
        known = ~np.isnan(spots).any(axis=1)
        shapes = np.full(len(spots), None, dtype=object)
        shapes[known] = shapely.points(spots[known])
        basis = np.array([None, "point"], dtype=object)[known.astype(np.int64)]
        for category, at in wanted.items():
            if "point" in self._forms(category):
                self._append(block.take(at), category, said[at], basis[at], shapes[at])

    def _take_ways(self, block: Objects, said: Ints, wanted: Mapping[str, Ints]) -> None:
        """Take ways; one cut by the extract's edge keeps the nodes that it has."""
        counts, spots = block.spots()
        way = np.repeat(np.arange(len(counts)), counts)
        known = ~np.isnan(spots).any(axis=1)
        located = np.bincount(way[known], minlength=len(counts))
        self.found.partly_located += int((located < counts).sum())
        near = {
            category: at[self._is_near(category, (way[known], spots[known]), located)[at]]
            for category, at in wanted.items()
        }
        areal = np.zeros(len(counts), dtype=bool)
        for category, at in near.items():
            areal[at] |= "area" in self._forms(category)
        areal &= closed_ways(counts, spots) & ~_matches(block.tags, _NO_AREA)
        areas, plain = plain_areas(counts[areal], spots[areal[way]])
        self._odd.append(block.take(np.flatnonzero(areal)[~plain]))
        shapes = np.full(len(counts), None, dtype=object)
        shapes[np.flatnonzero(areal)[plain]] = areas[plain]
        is_area = shapes != None  # noqa: E711 - element by element
        drawn = np.zeros(len(counts), dtype=bool)
        for category, at in near.items():
            drawn[at] |= ~is_area[at] | ("area" not in self._forms(category))
        outlines = _outlines(located[drawn], spots[known & drawn[way]])
        outline = np.full(len(counts), None, dtype=object)
        outline[drawn] = outlines
        basis = np.array([None, "way_nodes", "line"], dtype=object)[np.minimum(located, 2)]
        for category, at in near.items():
            forms = self._forms(category)
            if "area" in forms:
                held = np.where(is_area[at], shapes[at], outline[at])
                as_line = basis[at] if "line" in forms else "way_nodes"
                called = np.where(is_area[at], "area", as_line)
                self._append(block.take(at), category, said[at], called.astype(object), held)
            elif "line" in forms:
                self._append(block.take(at), category, said[at], basis[at], outline[at])

    def _is_near(self, category: str, places: tuple[Ints, Floats], located: Ints) -> Flags:
        """Tell which ways of a category that is wanted near some shapes are not off them."""
        near = self._near.get(category)
        if near is None:
            return np.ones(len(located), dtype=bool)
        way, spots = places
        held = np.bincount(way[near.hold(spots)], minlength=len(located))
        return np.asarray((held > 0) | (located == 0))

    def _take_relations(self, block: Objects, said: Ints, wanted: Mapping[str, Ints]) -> None:
        """Set relations aside: those that become no areas have no shape."""
        nothing = np.full(len(block.ids), None, dtype=object)
        areal = np.zeros(len(block.ids), dtype=bool)
        for category, at in wanted.items():
            forms = self._forms(category)
            areal[at] |= "area" in forms
            if "area" in forms or "line" in forms:
                self._append(block.take(at), category, said[at], nothing[at], nothing[at])
        self._relations.append(block.take(np.flatnonzero(areal & _matches(block.tags, _ASSEMBLED))))

    def _assemble(self, lines: Lines, folder: Path) -> None:
        """Put areas in the place of the odd ways and of the relations they were made from."""
        members = {way for block in self._relations for way in _members(block)}
        ways = [*lines.ways(members), *self._odd]
        odd = {way for block in self._odd for way in block.ids.tolist()}
        if not members and not odd:
            return
        relations = [text for block in self._relations for text in _as_lines(block)]
        shapes: dict[tuple[str, int, str], tuple[int | None, shapely.Geometry]] = {}
        for from_way, number, tags, shape in assembled(relations, ways, folder):
            if from_way and number not in odd:
                continue
            # The tags of a way are those of its area, and were read; a relation's lose its type.
            said = None if from_way else self._said(tags)
            for category in self._matcher.categories(tags):
                shapes["w" if from_way else "r", number, category] = said, shape
        self.found.rows = [_with_areas(rows, shapes) for rows in self.found.rows]

    def _said(self, tags: Mapping[str, str]) -> int:
        self.found.said.append(Described.of(tags, self._matcher))
        return len(self.found.said) - 1


def _with_areas(
    rows: Rows, shapes: Mapping[tuple[str, int, str], tuple[int | None, shapely.Geometry]]
) -> Rows:
    """Put areas in their places."""
    ids = [number for kind, number, name in shapes if (kind, name) == (rows.kind, rows.category)]
    at = np.flatnonzero(np.isin(rows.ids, ids))
    if len(at) == 0:
        return rows
    made = replace(rows, said=rows.said.copy(), basis=rows.basis.copy(), shapes=rows.shapes.copy())
    for row in at.tolist():
        said, shape = shapes[rows.kind, int(rows.ids[row]), rows.category]
        made.basis[row], made.shapes[row] = "area", shape
        if said is not None:
            made.said[row] = said
    return made


def _outlines(counts: Ints, spots: Floats) -> Shapes:
    """Make lines of ways: one point where only one node is known, nothing where none is."""
    shapes = np.full(len(counts), None, dtype=object)
    way = np.repeat(np.arange(len(counts)), counts)
    alone, several = counts == 1, counts > 1
    shapes[alone] = shapely.points(spots[alone[way]])
    line = np.repeat(np.arange(int(several.sum())), counts[several])
    if len(line):
        shapes[several] = shapely.linestrings(spots[several[way]], indices=line)
    return shapes


def _matches(tags: pa.StringArray, pattern: str) -> Flags:
    flags = pc.match_substring_regex(tags, pattern)
    return np.asarray(flags.to_numpy(zero_copy_only=False), dtype=bool)


def _members(relations: Objects) -> Iterator[int]:
    """Give the ways that are members."""
    for text in relations.last[0].to_pylist():
        parts = text[1:].split(",")
        for part in compress(parts, [part.startswith("w") for part in parts]):
            yield int(part[1:].split("@")[0])


def _as_lines(relations: Objects) -> Iterator[str]:
    """Write relations as they were read."""
    texts = relations.tags.to_pylist(), relations.last[0].to_pylist()
    for number, tags, members in zip(relations.ids.tolist(), *texts, strict=True):
        yield f"r{number} T{tags} {members}\n"
