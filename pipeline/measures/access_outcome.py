"""Join the long table of access with standards, and lay it out for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

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
    measured = set(key[joined["status"].ne("no_data")])
    empty = pd.concat(
        [
            pd.Series(table["status"].eq("no_data").groupby(
                table["service"] + "/" + table["variant"]).transform("all"))
            for table in tables
            if len(table)
        ],
        ignore_index=True,
    )  # fmt: skip
    kept = joined[~(empty & key.isin(measured))]
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
    for measure, name in asked:
        standard = standards.get(name)
        rows = long[(long[MEASURE_KEY] == list(measure)).all(axis=1)]
        if standard is None or rows.empty or rows["unit"].iloc[0] != standard.unit:
            continue
        where = rows["place_id"].map(scopes)
        judged = compare_with_standard(
            rows["value"].astype("float64"), standard, unit=standard.unit, scopes=where
        )
        parts.append(rows.drop(columns="standard_id").join(judged)[list(COMPARED)])
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
    told = rows.groupby(MEASURE_KEY, sort=False)["status"].transform(
        lambda s: (~s.isin(SILENT)).any()
    )
    rows = rows[told.astype(bool)]
    parts = [rows[name].astype(str) for name in MEASURE_KEY]
    label = parts[0] + "." + parts[1] + "." + parts[2] + "." + parts[3]
    order = label.drop_duplicates().tolist()
    standard = rows["standard_id"].map(lambda name: marked.get(name, name), na_action="ignore")
    complete = rows["status"].eq("ok").groupby(label).transform("all")
    status = rows["status"].mask(complete)
    rows = rows.assign(label=label, standard=standard, status=status)
    laid_out = {
        name: rows.pivot(index="place_id", columns="label", values=name)  # noqa: PD010
        for name in ("value", *WIDE)
    }
    wide = pd.concat(
        [
            laid_out["value"],
            *(
                table.dropna(axis=1, how="all").add_suffix(f".{name}")
                for name, table in laid_out.items()
                if name != "value"
            ),
        ],
        axis=1,
    )
    wanted = [name + end for name in order for end in ("", *(f".{suffix}" for suffix in WIDE))]
    wide = wide.reindex(columns=[name for name in wanted if name in wide.columns])
    return names.join(wide).rename_axis("place_id").reset_index()


def scopes_of(places: pd.DataFrame) -> pd.Series[Any]:
    """Name the scopes of standards that apply to each place: a park, and where it lies."""
    location = places["location_type"].to_numpy(dtype=object)
    sets = [frozenset({"park", *([text] if isinstance(text, str) else [])}) for text in location]
    scopes = pd.Series(sets, index=places.index, dtype=object)
    return scopes.where(~np.isin(places["tier"].to_numpy(dtype=object), ("policy",)))
