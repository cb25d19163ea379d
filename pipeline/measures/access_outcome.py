"""Join the long table of access with standards, and lay it out for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.measures.access_rows import SILENT
from pipeline.measures.inequality import (
    Sampling,
    Spread,
    concentration_index,
    gini,
    rank_correlation,
)
from pipeline.measures.standards import Standard, compare_with_standard

MEASURE_KEY = ["service", "variant", "mode", "measure"]
#: Endings of the columns of the wide table, after that of the value itself.
WIDE = ("low", "high", "status", "verdict", "standard", "method")
NUMBERS = ("value", "low", "high")
COMPARED = (
    "place_id", *MEASURE_KEY, "value", "low", "high", "unit", "standard_id", "threshold", "kind",
    "comparison", "verified", "mark_zh", "mark_en",
)  # fmt: skip


def only_known(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Join long tables; where two speak of one service and variant, the one that knows stays.

    Rows without data of a service and variant that another table has measured are dropped; where
    none has, the first table's rows stay.
    """
    joined = pd.concat([table for table in tables if len(table)], ignore_index=True)
    key = joined["service"] + "/" + joined["variant"]
    counts = [len(table) for table in tables if len(table)]
    known = joined["status"].ne("no_data")
    here = known.groupby([key, np.repeat(np.arange(len(counts)), counts)]).transform("any")
    kept = joined[here | ~known.groupby(key).transform("any")]
    return kept.drop_duplicates(["place_id", *MEASURE_KEY], ignore_index=True)


def comparisons(
    long: pd.DataFrame,
    standards: Mapping[str, Standard],
    asked: Sequence[tuple[tuple[str, str, str, str], str]],
    scopes: pd.Series[Any],
) -> pd.DataFrame:
    """Compare measures with standards, each only where it applies and with its mark.

    Parameters
    ----------
    long
        Long table of access.
    standards
        Standards by id.
    asked
        Pairs of a measure (service, variant, mode, measure) and the id of a standard; those whose
        standard is not among `standards`, or whose unit differs, are left out.
    scopes
        Scopes of each place, by place id.

    Returns
    -------
    pandas.DataFrame
        `COMPARED`, rows in the order asked.
    """
    parts = []
    rows_of = long.groupby(MEASURE_KEY, sort=False).indices
    for measure, name in asked:
        standard = standards.get(name)
        rows = long.iloc[rows_of.get(measure, [])]
        if standard is None or rows.empty or rows["unit"].iloc[0] != standard.unit:
            continue
        where = rows["place_id"].map(scopes)
        judged = compare_with_standard(
            rows["value"].astype("float64"), standard, unit=standard.unit, scopes=where
        )
        figures = rows.drop(columns="standard_id", errors="ignore")
        parts.append(figures.join(judged)[list(COMPARED)])
    empty = pd.DataFrame({name: [] for name in COMPARED})
    return pd.concat(parts, ignore_index=True) if parts else empty


def fit_rows(
    values: pd.Series[float],
    rankings: Mapping[str, pd.Series[float]],
    weights: Mapping[str, pd.Series[float]],
    *,
    sampling: Sampling,
) -> pd.DataFrame:
    """Tell how unequal a provision is and whether it follows rankings of the same places.

    Parameters
    ----------
    values
        Provision by place: larger is better, not negative.
    rankings
        Orderings by name (tier, planned floor area); larger is higher.
    weights
        What each place counts for, by name (one each, land, residents); a place without a weight
        is left out.
    sampling
        Bootstrap over places, for the intervals.

    Returns
    -------
    pandas.DataFrame
        `index`, `ranking`, `weight`, `value`, `low`, `high`, `observations`, `left_out`, `status`.
    """
    found: list[tuple[str, str | None, str | None, Spread]] = []
    for what, weight in weights.items():
        found.append(("gini", None, what, gini(values, weight=weight, sampling=sampling)))
        found += [
            (
                "concentration",
                name,
                what,
                concentration_index(values, ranking=ranking, weight=weight, sampling=sampling),
            )
            for name, ranking in rankings.items()
        ]
    for name, ranking in rankings.items():
        known = values.where(ranking.notna())
        correlation = rank_correlation(known, ranking=ranking, sampling=sampling)
        found.append(("rank_correlation", name, None, correlation))
    return pd.DataFrame(
        [
            {"index": index, "ranking": name, "weight": what, **vars(spread)}
            for index, name, what, spread in found
        ]
    )


def wide_table(long: pd.DataFrame, names: pd.DataFrame, marked: Mapping[str, str]) -> pd.DataFrame:
    """Lay the long table out with one row per place, for people and spreadsheets.

    Parameters
    ----------
    long
        Long table of access.
    names
        Indexed by place id: columns to put first (names, tier, district).
    marked
        Each standard's id with its mark where it is unverified, by id.

    Returns
    -------
    pandas.DataFrame
        `place_id`, the columns of `names`, and for each measure with any value
        `<service>.<variant>.<mode>.<measure>` with `.low`, `.high`, `.verdict`, `.standard` and
        `.method` where they are not empty throughout, and `.status` where it is not `ok`
        throughout: why a cell is empty. A place of which a measure was not asked has neither.
    """
    rows = long[long["place_id"].isin(names.index)]
    keys = [rows[name].astype(str) for name in MEASURE_KEY]
    label = keys[0] + "." + keys[1] + "." + keys[2] + "." + keys[3]
    told = (~rows["status"].isin(SILENT)).groupby(label).transform("any")
    rows, label = rows[told], label[told]
    complete = rows["status"].eq("ok").groupby(label).transform("all")
    marks = rows["standard_id"].map(lambda name: marked.get(name, name), na_action="ignore")
    rows = rows.assign(standard=marks, status=rows["status"].mask(complete))
    column, order = pd.factorize(label)
    at = names.index.get_indexer(pd.Index(rows["place_id"])), column
    parts, places = [], []
    for rank, name in enumerate(("value", *WIDE)):
        # Laid out as one array for each kind of column: there are thousands of them.
        kind: Any = np.float64 if name in NUMBERS else object
        cells: NDArray[Any] = np.full((len(names), len(order)), np.nan, dtype=kind)
        cells[at] = rows[name].to_numpy(dtype=kind)
        kept = np.flatnonzero(pd.notna(cells).any(axis=0) | (name == "value"))
        columns = order[kept] if name == "value" else [f"{text}.{name}" for text in order[kept]]
        parts.append(pd.DataFrame(cells[:, kept], names.index, columns, dtype=kind))
        places.append(kept * (1 + len(WIDE)) + rank)
    wide = pd.concat(parts, axis=1).iloc[:, np.argsort(np.concatenate(places))]
    return names.join(wide).rename_axis("place_id").reset_index()


def scopes_of(places: pd.DataFrame) -> pd.Series[Any]:
    """Name the scopes of standards that apply to each place: a park, and where it lies."""
    location = places["location_type"].to_numpy(dtype=object)
    sets = [frozenset({"park", *([text] if isinstance(text, str) else [])}) for text in location]
    scopes = pd.Series(sets, index=places.index, dtype=object)
    return scopes.where(~np.isin(places["tier"].to_numpy(dtype=object), ("policy",)))
