"""Write tables that a spreadsheet opens as they are: Chinese intact, no cell run as a formula."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.publish.layer_schemas import LayerSchema

# What a spreadsheet program takes for the beginning of a formula (OWASP, "CSV injection").
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
GUARD = "'"


def write_csv(path: Path, frame: pd.DataFrame, schema: LayerSchema) -> None:
    """Write a layer's columns as CSV for people.

    UTF-8 with a byte order mark, so that Excel recognises it; comma, CRLF line ends (RFC 4180); an
    empty cell is null; dates as YYYY-MM-DD; booleans as true and false. A text that a spreadsheet
    would run as a formula gets an apostrophe in front; numbers are left alone. Points carry `lon`
    and `lat` in EPSG:4326; other geometries are left out.

    Parameters
    ----------
    path
        File to write.
    frame
        Conforming rows.
    schema
        Their schema.
    """
    plain = pd.DataFrame(frame.drop(columns="geometry", errors="ignore"))
    if schema.kind == "point" and "lon" not in plain.columns:
        plain = plain.assign(lon=frame.geometry.x, lat=frame.geometry.y)
    for column in schema.columns:
        if column.type == "text":
            plain[column.name] = plain[column.name].map(neutralised, na_action="ignore")
        elif column.type == "bool":
            words = {True: "true", False: "false"}
            plain[column.name] = plain[column.name].astype(object).map(words)
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        plain.to_csv(handle, index=False, lineterminator="\r\n")


def neutralised(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would take for a formula."""
    return GUARD + text if text.startswith(FORMULA_STARTS) else text
