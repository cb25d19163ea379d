"""Read the objects of an extract that have some keys as arrays; libosmium does the pass alone.

It writes them one object a line (OPL, which `network/osm_lines.py` describes) to a temporary file,
ways with the places of their nodes. Lines are read in blocks of bounded size.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import osmium
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from pipeline.network.osm_lines import line_blocks, nodes_of_ways, one_piece, plain
from pipeline.network.osm_reading import index_of_places, write_lines
from pipeline.network.phases import Floats, Ints

_LAST = {"n": ["x", "y"], "w": ["nodes"], "r": ["members"]}
_NEWLINE = ord("\n")
_UNITS_A_DEGREE = 1e7  # libosmium's own


@dataclass(frozen=True, eq=False)
class Objects:
    """Objects of one kind (`n`, `w`, `r`), and `last`, the columns that only that kind has.

    `tags` are texts as in OPL; `edited` when each was edited last (`t2026-05-19T...Z`).
    """

    kind: str
    ids: Ints
    tags: pa.StringArray
    edited: pa.StringArray
    last: Sequence[pa.StringArray]

    def take(self, rows: Ints) -> Objects:
        """Give some of the objects."""
        at = pa.array(rows)
        return Objects(
            self.kind,
            self.ids[rows],
            self.tags.take(at),
            self.edited.take(at),
            [column.take(at) for column in self.last],
        )

    def spots(self) -> tuple[Ints, Floats]:
        """Give how many nodes each object has, and the degrees of all; NaN where unknown."""
        if self.kind == "w":
            counts, _, lon, lat = nodes_of_ways(self.last[0])
        else:
            counts = np.ones(len(self.ids), dtype=np.int64)
            lon, lat = (_number(column) for column in self.last)
        # As libosmium divides: the same bits however a place was read.
        return counts, np.rint(np.column_stack((lon, lat)) * _UNITS_A_DEGREE) / _UNITS_A_DEGREE

    def deciding(self, keys: Collection[str]) -> pa.DictionaryArray:
        """Give of each object the tags with one of the keys, as text."""
        lists = pc.split_pattern(self.tags, ",")
        words = lists.flatten().dictionary_encode()
        named = pc.list_element(pc.split_pattern(words.dictionary, "=", max_splits=1), 0)
        named = named.dictionary_encode()
        known = np.array([plain(key) in keys for key in named.dictionary.to_pylist()], dtype=bool)
        kept = known[named.indices.to_numpy()][words.indices.to_numpy()]
        owner = pc.list_parent_indices(lists).to_numpy()[kept]
        starts = np.concatenate(([0], np.cumsum(np.bincount(owner, minlength=len(self.ids)))))
        chosen = words.dictionary.take(words.indices.filter(pa.array(kept)))
        held = pa.ListArray.from_arrays(pa.array(starts, pa.int32()), chosen)
        return pc.binary_join(held, ",").dictionary_encode()


@dataclass(frozen=True)
class Lines:
    """The objects of an extract that have one of some keys, written to a folder.

    `places` is where libosmium keeps the places of nodes; `stamp` the time that the extract states.
    """

    path: Path
    target: Path
    places: osmium.index.LocationTable
    stamp: str

    @classmethod
    def written(cls, path: Path, keys: Sequence[str], folder: Path) -> Lines:
        """Let libosmium pass over an extract."""
        target, places = folder / "objects.opl", index_of_places(path)
        with osmium.io.Reader(path) as reader:
            stamp = reader.header().get("osmosis_replication_timestamp")
            chosen = osmium.filter.KeyFilter(*keys)
            write_lines(reader, [chosen], places, target, with_times=True)
        return cls(path, target, places, stamp)

    def blocks(self) -> Iterator[Objects]:
        """Yield objects, some of one kind at a time."""
        for text in line_blocks(self.target):
            yield from _kinds(text)

    def ways(self, ids: Collection[int]) -> Iterator[Objects]:
        """Pass over the extract once more for some ways, whatever their keys."""
        if not ids:
            return
        target = self.target.with_name("ways.opl")
        chosen = osmium.filter.IdFilter(ids)
        with osmium.io.Reader(self.path, osmium.osm.WAY) as reader:
            write_lines(reader, [chosen], self.places, target, with_times=True)
        for text in line_blocks(target):
            yield from _kinds(text)


def _kinds(text: bytes) -> Iterator[Objects]:
    """Tell nodes, ways and relations apart, by the first letters of lines."""
    letters = np.frombuffer(text, np.uint8)
    starts = np.concatenate(([0], np.flatnonzero(letters[:-1] == _NEWLINE) + 1))
    kinds = letters[starts]
    turns = np.concatenate(([0], np.flatnonzero(np.diff(kinds)) + 1))
    cuts = np.append(starts[turns], len(text)).tolist()
    for kind, last in _LAST.items():
        runs = np.flatnonzero(kinds[turns] == ord(kind)).tolist()
        if runs:
            yield _table(kind, b"".join(text[cuts[run] : cuts[run + 1]] for run in runs), last)


def _table(kind: str, text: bytes, last: list[str]) -> Objects:
    """Split lines into columns."""
    names = ["id", "deleted", "edited", "tags", *last]
    table = pcsv.read_csv(
        pa.BufferReader(text),
        read_options=one_piece(names, len(text)),
        parse_options=pcsv.ParseOptions(delimiter=" ", quote_char=False, double_quote=False),
        convert_options=pcsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=["id", "edited", "tags", *last],
            strings_can_be_null=False,
        ),
    ).combine_chunks()
    columns = table.to_batches()[0]
    ids = pc.cast(pc.utf8_slice_codeunits(columns["id"], 1), pa.int64()).to_numpy()
    tags = pc.utf8_slice_codeunits(columns["tags"], 1)
    return Objects(kind, ids, tags, columns["edited"], [columns[name] for name in last])


def _number(column: pa.StringArray) -> Floats:
    """Read `x121.47` or `y31.23`; NaN where a place is unknown."""
    texts = pc.utf8_slice_codeunits(column, 1)
    known = pc.if_else(pc.equal(texts, ""), None, texts)
    return np.asarray(pc.cast(known, pa.float64()).to_numpy(zero_copy_only=False))
