"""Turn streets that libosmium wrote one object a line (OPL) into arrays, without a loop over them.

A way is `w<id> T<key>=<value>,... Nn<id>x<lon>y<lat>,...`, a node `n<id> T... x<lon> y<lat>`, both
with `dV t<time>` after the id where the time of the last edit is asked for. Separators are written
`%<code point>%` inside keys and values (osmcode.org/opl-file-format).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from pipeline.network.phases import Flags, Floats, Ints

_BLOCK_BYTES = 2**24
# Each way node becomes a line of its own: id, longitude, latitude.
_AS_TABLE = bytes.maketrans(b"Nxy,", b"\n,,\n")
_TIMES = ("deleted", "time")
_PLACES = {"id": pa.int64(), "lon": pa.float64(), "lat": pa.float64()}
_UNITS_A_DEGREE = 1e7


@dataclass(frozen=True, eq=False)
class Ways:
    """Some ways: ids, number of nodes, distinct tags apart from the name, names.

    `refs`, `lon` and `lat` (degrees, NaN where the extract lacks the node) hold the nodes of all
    ways one after the other. `tags` and `names` are dictionary-encoded, one entry a way.
    """

    ids: Ints
    counts: Ints
    refs: Ints
    lon: Floats
    lat: Floats
    tags: pa.Array
    names: pa.Array

    def take(self, chosen: Flags) -> Ways:
        """Return the ways that are chosen."""
        nodes = np.repeat(chosen, self.counts)
        mask = pa.array(chosen)
        return Ways(
            ids=self.ids[chosen],
            counts=self.counts[chosen],
            refs=self.refs[nodes],
            lon=self.lon[nodes],
            lat=self.lat[nodes],
            tags=self.tags.filter(mask),
            names=self.names.filter(mask),
        )


@dataclass
class Lines:
    """The lines of one file: its ways block by block; once read, its nodes and newest edit."""

    path: Path
    keys: Collection[str]
    with_times: bool
    newest: str = ""
    nodes: list[str] = field(default_factory=list)

    def ways(self) -> Iterator[Ways]:
        """Yield the ways in blocks of bounded size."""
        for text in line_blocks(self.path):
            block = self._table(text)
            if self.with_times:
                self.newest = max(self.newest, pc.max(block["time"]).as_py() or "")
            if len(block):
                yield _ways(block, self.keys)

    def _table(self, text: bytes) -> pa.RecordBatch:
        """Split the lines of ways into columns."""
        columns = ["id", *(_TIMES if self.with_times else []), "tags", "nodes"]
        table = pcsv.read_csv(
            pa.BufferReader(text),
            read_options=one_piece(columns, len(text)),
            parse_options=pcsv.ParseOptions(
                delimiter=" ",
                quote_char=False,
                double_quote=False,
                invalid_row_handler=self._is_node,
            ),
            convert_options=pcsv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False
            ),
        )
        return table.combine_chunks().to_batches()[0] if len(table) else table

    def _is_node(self, row: pcsv.InvalidRow) -> str:
        """Set aside the line of a node, which has one column more than that of a way."""
        if not row.text.startswith("n"):
            return "error"
        self.nodes.append(row.text)
        return "skip"

    def tagged_nodes(self) -> dict[int, Mapping[str, str]]:
        """Return the tags of the nodes by id; of nodes with equal tags they are one object."""
        known: dict[str, Mapping[str, str]] = {}
        found: dict[int, Mapping[str, str]] = {}
        for line in self.nodes:
            parts = line.split(" ")
            text = parts[3 if self.with_times else 1][1:]
            if text not in known:
                known[text] = tags_of(text)
            found[int(parts[0][1:])] = known[text]
        return found


def joined(parts: list[Ways]) -> Ways:
    """Put blocks of ways together."""
    empty = pa.array([], pa.string()).dictionary_encode()
    arrays = {
        name: np.concatenate([np.empty(0, dtype), *(getattr(part, name) for part in parts)])
        for name, dtype in (
            ("ids", np.int64),
            ("counts", np.int64),
            ("refs", np.int64),
            ("lon", np.float64),
            ("lat", np.float64),
        )
    }
    texts = {
        name: pa.chunked_array([empty, *(getattr(part, name) for part in parts)])
        .unify_dictionaries()
        .combine_chunks()
        for name in ("tags", "names")
    }
    return Ways(**arrays, **texts)


def tags_of(text: str) -> dict[str, str]:
    """Read tags as OPL writes them."""
    pairs = (pair.split("=", 1) for pair in text.split(",") if pair)
    return {plain(key): plain(value) for key, value in pairs}


def plain(text: str) -> str:
    """Undo the escapes of OPL; UnicodeError where the text is none."""
    if "%" not in text:
        return text
    parts = text.split("%")  # every other part is a code point
    parts[1::2] = [chr(int(code, 16)) for code in parts[1::2]]
    text = "".join(parts)
    text.encode()  # libosmium lets halves of surrogate pairs pass
    return text


def line_blocks(path: Path) -> Iterator[bytes]:
    """Read a file in blocks of whole lines."""
    rest = b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            cut = block.rfind(b"\n") + 1
            if cut:
                yield rest + block[:cut]
                rest = b""
            rest += block[cut:]


def one_piece(columns: list[str], size: int) -> pcsv.ReadOptions:
    """Read text without a heading, in one piece and by this thread."""
    return pcsv.ReadOptions(column_names=columns, block_size=size + 1, use_threads=False)


def _ways(block: pa.RecordBatch, keys: Collection[str]) -> Ways:
    """Turn the lines of ways into arrays."""
    ids = pc.cast(pc.utf8_slice_codeunits(block["id"], 1), pa.int64())
    tags, names = _tags(pc.utf8_slice_codeunits(block["tags"], 1), keys)
    counts, refs, lon, lat = nodes_of_ways(block["nodes"])
    return Ways(ids.to_numpy(), counts, refs, lon, lat, tags, names)


def nodes_of_ways(texts: pa.Array) -> tuple[Ints, Ints, Floats, Floats]:
    """Count the nodes of each way, and read the ids and places of all."""
    _, offsets, data = texts.buffers()  # the texts lie one after the other in memory
    at = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    text = memoryview(data)[at[0] : at[-1]].tobytes()
    marks = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("n"))
    counts = np.diff(np.searchsorted(marks, at - at[0]))
    if len(marks) == 0:
        return counts, np.empty(0, np.int64), np.empty(0), np.empty(0)
    table = pcsv.read_csv(
        pa.BufferReader(text.translate(_AS_TABLE, b"n")),
        read_options=one_piece(list(_PLACES), len(text)),
        convert_options=pcsv.ConvertOptions(column_types=_PLACES),
    )
    return counts, table["id"].to_numpy(), _degrees(table["lon"]), _degrees(table["lat"])


def _degrees(column: pa.ChunkedArray) -> Floats:
    """Round to whole units of libosmium (1e-7 degrees), so that every reading gives equal bits."""
    units: Floats = np.rint(column.to_numpy() * _UNITS_A_DEGREE)
    return units * 1e-7


def _tags(texts: pa.Array, keys: Collection[str]) -> tuple[pa.Array, pa.Array]:
    """Keep of every way the tags with one of the keys, and its name apart."""
    lists = pc.split_pattern(texts, ",")
    owner = pc.list_parent_indices(lists).to_numpy()
    words = lists.flatten().dictionary_encode()
    code, dictionary = words.indices.to_numpy(), words.dictionary
    known = [plain(word.split("=", 1)[0]) for word in dictionary.to_pylist()]
    kept = np.array([key in keys and key != "name" for key in known], dtype=bool)[code]
    named = np.array([key == "name" for key in known], dtype=bool)[code]
    starts = np.concatenate(([0], np.cumsum(np.bincount(owner[kept], minlength=len(texts)))))
    chosen = pa.ListArray.from_arrays(
        pa.array(starts, pa.int32()), dictionary.take(pa.array(code[kept]))
    )
    name = np.full(len(texts), -1, dtype=np.int64)
    name[owner[named]] = code[named]
    names = dictionary.take(pa.array(name, mask=name < 0))
    return (
        pc.binary_join(chosen, ",").dictionary_encode(),
        pc.utf8_slice_codeunits(names, len("name=")).dictionary_encode(),
    )
