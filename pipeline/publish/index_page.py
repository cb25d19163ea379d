"""Make the front page of a study: what there is to open, with size, dates and licences."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from pipeline.publish.index_words import LINE, facts_of, named, rights_of
from pipeline.publish.report import attributions, render
from pipeline.publish.report_cells import Words, clean

#: What a kind of file is called, in the order of the page.
KINDS: Mapping[str, Words] = {
    "report": Words("报告", "Report"),
    "maps": Words("地图", "Maps"),
    "tables": Words("表格", "Tables"),
    "figures": Words("插图", "Figures"),
    "layers": Words("图层（QGIS、GIS 软件）", "Layers (QGIS and other GIS)"),
    "other": Words("其他", "Other"),
}
FORMATS: Mapping[str, Words] = {
    ".html": Words("网页，离线可开", "web page, works offline"),
    ".csv": Words("表格 CSV", "CSV table"),
    ".xlsx": Words("电子表格", "spreadsheet"),
    ".gpkg": Words("GeoPackage 图层", "GeoPackage layers"),
    ".qgz": Words("QGIS 工程", "QGIS project"),
    ".qml": Words("QGIS 样式", "QGIS style"),
    ".geojson": Words("GeoJSON 图层", "GeoJSON layer"),
    ".tif": Words("栅格", "raster"),
    ".parquet": Words("GeoParquet 数据", "GeoParquet data"),
    ".svg": Words("矢量插图", "vector figure"),
    ".pdf": Words("PDF 文档", "PDF document"),
    ".md": Words("文本", "text"),
    ".json": Words("JSON", "JSON"),
}
HEAD_BYTES = 65_536
KIB = 1024.0


@dataclass(frozen=True)
class Item:
    """A file that people open: address from the index page, what it is, what it rests on."""

    kind: str
    address: str
    path: str
    title: Words
    purpose: Words
    format: Words
    size: str
    dates: str
    licences: str


def build_index(
    *,
    title: Words,
    study_date: str,
    version: str,
    digest: str,
    sources: pd.DataFrame,
    items: Sequence[Item],
) -> str:
    """Write the page that lists everything of a study.

    Raises
    ------
    LayerError
        Something on the page would be fetched when it is viewed.
    """
    dates = sorted({str(date) for date in sources["date"].dropna()})
    groups = [
        (words, sorted((item for item in items if item.kind == kind), key=_overviews_first))
        for kind, words in KINDS.items()
    ]
    return render(
        "index.html.j2",
        title=title,
        study_date=study_date,
        version=version,
        digest=digest,
        dates=" – ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else "—",
        licences=" + ".join(sorted({str(name) for name in sources["licence"].dropna()})) or "—",
        attributions=attributions(sources),
        groups=[(words, files) for words, files in groups if files],
    )


def _overviews_first(item: Item) -> tuple[int, str]:
    """Order files by path, those of deeper folders (one for each place) after the others."""
    return item.path.count("/"), item.path


def describe(
    path: Path,
    *,
    root: Path,
    sources: Sequence[Mapping[Hashable, Any]],
    layers: Mapping[str, Mapping[str, object]] | None = None,
    name: Words | None = None,
) -> Item:
    """Describe a file for the index page that stands in the folder `root`.

    Parameters
    ----------
    path
        Where the file stands.
    root
        Folder of the index page.
    sources
        What came in, row by row: ``role``, ``licence``, ``date``.
    layers
        Entries of the provenance by the name of the layer.
    name
        The place that the file is about.
    """
    relative = Path(os.path.relpath(path, root)).as_posix()
    facts = facts_of(relative, layers or {})
    rights = rights_of(facts, sources, layers or {})
    if facts is not None and name is not None:
        facts = named(facts, name)
    title = facts.title if facts is not None else Words(_title(path) or path.name)
    return Item(
        kind=_kind(relative),
        address=quote(relative),
        path=relative,
        title=_cleaned(title),
        purpose=_cleaned(facts.purpose) if facts is not None else Words(""),
        format=FORMATS.get(path.suffix, Words(path.suffix.lstrip("."))),
        size=size_words(path.stat().st_size),
        dates=rights.dates,
        licences=rights.licences,
    )


def _cleaned(words: Words) -> Words:
    return Words(clean(words.zh, LINE), clean(words.en, LINE))


def size_words(size_bytes: int) -> str:
    """Write a size as people read it."""
    if size_bytes < KIB:
        return f"{size_bytes} B"
    if size_bytes < KIB * KIB:
        return f"{size_bytes / KIB:.0f} KiB"
    return f"{size_bytes / KIB / KIB:.1f} MiB"


def _kind(relative: str) -> str:
    first = relative.split("/", maxsplit=1)[0]
    if first in KINDS:
        return first
    if relative == "report.html":
        return "report"
    return "layers" if first == ".." else "other"


def _title(path: Path) -> str:
    """Read the title out of a page's head; other files have none."""
    if path.suffix != ".html":
        return ""
    with path.open("rb") as handle:
        head = handle.read(HEAD_BYTES).decode("utf-8", "replace")
    reader = _TitleReader()
    reader.feed(head)
    return clean(reader.title, LINE)


class _TitleReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._inside = tag == "title" and not self.title

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "title"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.title += data
