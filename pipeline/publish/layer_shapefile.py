"""Write a shapefile within what the format can hold, and say what it could not."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from pipeline.publish.export_losses import Loss, Tell
from pipeline.publish.layer_schemas import LayerSchema

NAME_BYTES = 10
TEXT_BYTES = 254


def write_shapefile(frame: pd.DataFrame, path: Path, schema: LayerSchema, tell: Tell) -> None:
    """Write one layer as ESRI Shapefile in UTF-8, with `<layer>.fields.csv` beside it.

    The format holds names of 10 bytes and texts of 254 bytes, and no booleans: names are shortened
    without clashes, longer texts are cut between letters, true and false become 1 and 0. The list
    of fields gives the full name of each column, its meaning, and how many texts were cut. A table
    without geometry becomes a bare `.dbf`.

    Parameters
    ----------
    frame
        Rows of the layer, in any CRS.
    path
        The `.shp` to write.
    schema
        Schema of the layer.
    tell
        Is told of shortened names, cut texts and rewritten booleans.
    """
    import pyogrio

    from pipeline.publish.layer_frames import GEOMETRY_TYPES

    columns = [column.name for column in schema.columns]
    short = short_names(columns)
    table, cut = frame.copy(), dict.fromkeys(columns, 0)
    for column in schema.columns:
        if column.type == "text":
            table[column.name], cut[column.name] = _fitted(table[column.name])
        elif column.type == "bool":
            table[column.name] = table[column.name].astype("Int8").astype("Int64")
    for suffix in (".shp", ".shx", ".dbf", ".prj", ".cpg"):
        path.with_suffix(suffix).unlink(missing_ok=True)
    kind = {"geometry_type": GEOMETRY_TYPES[schema.kind]} if schema.spatial else {}
    pyogrio.write_dataframe(
        table.rename(columns=short),
        path if schema.spatial else path.with_suffix(".dbf"),
        driver="ESRI Shapefile",
        use_arrow=True,
        layer_options={"ENCODING": "UTF-8"},
        **kind,
    )
    _write_fields(path.with_suffix(".fields.csv"), schema, short, cut)
    for loss in _losses(path.name, schema, short, cut):
        tell(loss)


def _losses(
    file: str, schema: LayerSchema, short: dict[str, str], cut: dict[str, int]
) -> Iterator[Loss]:
    fields = f"{Path(file).stem}.fields.csv"
    if texts := sum(cut.values()):
        columns = ", ".join(name for name, count in cut.items() if count)
        yield Loss(
            "lost",
            file,
            f"{texts} 处文字截短到 {TEXT_BYTES} 字节（{columns}）",
            f"{texts} texts cut to {TEXT_BYTES} bytes ({columns})",
        )
    if renamed := sum(name != text for name, text in short.items()):
        yield Loss(
            "changed",
            file,
            f"{renamed} 个字段名缩短到 {NAME_BYTES} 字节，全名见 {fields}",
            f"{renamed} field names shortened to {NAME_BYTES} bytes, in full in {fields}",
        )
    if flags := [column.name for column in schema.columns if column.type == "bool"]:
        yield Loss(
            "changed",
            file,
            f"真假写作 1 和 0（{', '.join(flags)}）",
            f"true and false written as 1 and 0 ({', '.join(flags)})",
        )


def short_names(names: list[str]) -> dict[str, str]:
    """Shorten names to 10 bytes without clashes, the same way every time.

    Vowels inside words go first, from the end; what still clashes is numbered.
    """
    found: dict[str, str] = {}
    for name in names:
        text = name
        while len(text) > NAME_BYTES and (
            hit := re.search(r"(?<=[^_])[aeiou](?!.*[^_][aeiou])", text)
        ):
            text = text[: hit.start()] + text[hit.end() :]
        text = text[:NAME_BYTES]
        number = 1
        while text in found.values():
            number += 1
            tail = f"_{number}"
            text = text[: NAME_BYTES - len(tail)] + tail
        found[name] = text
    return found


def _fitted(texts: pd.Series[str]) -> tuple[pd.Series[str], int]:
    """Cut texts to what a field holds, never inside a letter."""
    long = texts.map(lambda text: len(text.encode()) > TEXT_BYTES, na_action="ignore").eq(
        other=True
    )
    long = long.fillna(value=False).astype(bool)
    cut = texts.mask(
        long, texts[long].map(lambda text: text.encode()[:TEXT_BYTES].decode(errors="ignore"))
    )
    return cut, int(long.sum())


def _write_fields(
    path: Path, schema: LayerSchema, short: dict[str, str], cut: dict[str, int]
) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["field", "column", "zh", "en", "unit", "texts_cut"])
        for column in schema.columns:
            writer.writerow(
                [
                    short[column.name],
                    column.name,
                    column.zh,
                    column.en,
                    column.unit or "",
                    cut[column.name],
                ]
            )
