"""Settle the encoding of a shapefile's attributes, which the format itself does not state."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.errors import Problem, SourceError
from pipeline.sources.locate import Note
from pipeline.sources.text_encoding import broken_characters, detect_encoding

EncodingBasis = Literal["given", "file", "detected"]

_SAMPLE = 1 << 22
_DATA_OFFSET = slice(8, 10)
_BROKEN_SHARE = 0.02
_ONE_BYTE = ("iso8859", "cp125", "latin", "ascii", "cp437", "cp850")


@dataclass(frozen=True)
class AttributeEncoding:
    """The encoding to read attributes with, and how it was settled."""

    name: str | None
    basis: EncodingBasis | None
    notes: tuple[Note, ...]


def settle_encoding(path: Path, *, given: str | None) -> AttributeEncoding:
    """Take the encoding given, else the .cpg's unless the bytes contradict it, else the bytes'.

    Without a .cpg GDAL takes GBK text for Latin-1 and gives garbled names in silence. A .cpg of a
    one-byte code page fits any bytes and is not believed over text that is Chinese.

    Raises
    ------
    SourceError
        The .shx is missing, without which the shapes cannot be found.
    """
    side = {p.suffix.lower(): p for p in path.parent.glob(f"{path.stem}.*")}
    if ".shx" not in side:
        raise SourceError(_no_index(path))
    if ".dbf" not in side:
        note = Note("no_dbf", "缺少 .dbf，没有属性", "the .dbf is missing: no attributes")
        return AttributeEncoding(None, None, (note,))
    if given is not None:
        return AttributeEncoding(given, "given", ())
    raw = _records(side[".dbf"])
    seen = detect_encoding(raw)
    stated = side[".cpg"].read_text("ascii", "replace").strip() if ".cpg" in side else None
    known = _known(stated) if stated else None
    if known is not None and _fits(raw, known, seen):
        return AttributeEncoding(known, "file", ())
    used = "utf-8" if seen == "ascii" else seen
    if not stated:
        return AttributeEncoding(used, "detected", ())
    text = f"the .cpg states {stated}, the bytes are {used}"
    note = Note("encoding_contradicted", f".cpg 声明 {stated}，实际为 {used}", text)
    return AttributeEncoding(used, "detected", (note,))


def _records(dbf: Path) -> bytes:
    with dbf.open("rb") as handle:
        head = handle.read(_DATA_OFFSET.stop)
        handle.seek(int.from_bytes(head[_DATA_OFFSET], "little"))
        return handle.read(_SAMPLE)


def _known(name: str) -> str | None:
    try:
        return codecs.lookup(f"cp{name}" if name.isdigit() else name).name
    except LookupError:
        return None


def _fits(raw: bytes, known: str, seen: str) -> bool:
    if seen == "ascii":
        return True
    if known.startswith(_ONE_BYTE):
        return seen == "cp1252"
    high = sum(byte >= 0x80 for byte in raw)  # noqa: PLR2004
    return broken_characters(raw, known) <= _BROKEN_SHARE * high


def _no_index(path: Path) -> Problem:
    return Problem(
        "Shapefile 缺少 .shx",
        "the shapefile lacks its .shx",
        path=path,
        remedy_zh="请一并提供 .shp .shx .dbf .prj（最好打包为 zip）",
        remedy_en="hand over .shp .shx .dbf .prj together, best as one zip file",
    )
