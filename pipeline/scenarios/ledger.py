"""Set a study before and after a change side by side: who changes class, and how much land."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

CLOSED, OPENED, EASED, WORSE, SAME, UNKNOWN = (
    "closed", "opened", "eased", "worsened", "same", "unknown",
)  # fmt: skip
WORDS: Mapping[str, tuple[str, str]] = {
    CLOSED: ("缺口补上", "gap closed"),
    OPENED: ("出现缺口", "gap opened"),
    EASED: ("缺口缩小", "gap eased"),
    WORSE: ("缺口扩大", "gap worsened"),
    SAME: ("不变", "unchanged"),
    UNKNOWN: ("无法判断", "cannot be told"),
}
COMPARED = ("value", "gap", "finding", "verdict", "rank", "method", "status")
SLACK = 1e-9  # two runs of one computation agree to it
FLAGS = ("served_rail", "served_hospital", "served_school")


def place_ledger(
    before: pd.DataFrame, after: pd.DataFrame, places: pd.DataFrame, people: pd.DataFrame
) -> pd.DataFrame:
    """Compare the gaps of two runs, place by place and service by service.

    Parameters
    ----------
    before, after
        Tables `gaps` of the two runs.
    places
        The register.
    people
        `place_id` and `residents` in its footprint, null where unknown.

    Returns
    -------
    pandas.DataFrame
        `place_id`, `name_zh`, `name_en`, `service`, `unit`, each of `value`, `gap`, `finding`,
        `verdict`, `rank`, `method`, `status` before and after, `change` with its wording, the
        documented `area_km2` (null where none) and `residents` in the footprint (null where
        unknown).
    """
    key = ["place_id", "service"]
    sides = [
        table.set_index(key)[[name for name in COMPARED if name in table.columns]]
        for table in (before, after)
    ]
    joined = sides[0].add_suffix("_before").join(sides[1].add_suffix("_after"), how="outer")
    unit = before.set_index(key)["unit"] if "unit" in before.columns else None
    joined["unit"] = None if unit is None else unit.reindex(joined.index)
    joined["change"] = _changes(joined)
    told = joined["change"].map(WORDS)
    table = joined.assign(
        change_zh=[words[0] for words in told], change_en=[words[1] for words in told]
    ).reset_index()
    own = places.set_index("place_id")
    homes = people.set_index("place_id")["residents"]
    return table.assign(
        name_zh=table["place_id"].map(own["name_zh"]),
        name_en=table["place_id"].map(own["name_en"]),
        tier=table["place_id"].map(own["tier"]),
        area_km2=table["place_id"].map(own["planned_area_km2"]).astype("float64"),
        residents=table["place_id"].map(homes).astype("float64"),
    )


def _changes(joined: pd.DataFrame) -> list[str]:
    """Name the change of class; without one, whether the gap moved."""
    gap = joined[["gap_before", "gap_after"]].astype("float64")
    step = gap["gap_after"] - gap["gap_before"]
    finding = zip(joined["finding_before"], joined["finding_after"], strict=True)
    names = []
    for (first, last), by in zip(finding, step, strict=True):
        if (first, last) == ("gap", "no_gap"):
            names.append(CLOSED)
        elif (first, last) == ("no_gap", "gap"):
            names.append(OPENED)
        elif np.isnan(by):
            names.append(UNKNOWN)
        elif abs(by) <= SLACK:
            names.append(SAME)
        else:
            names.append(EASED if by < 0 else WORSE)
    return names


def summary_of(ledger: pd.DataFrame) -> pd.DataFrame:
    """Count places, area and residents by service and change; a place without an area adds none.

    Returns
    -------
    pandas.DataFrame
        `service`, `change`, `change_zh`, `change_en`, `places`, `area_km2` and `area_of` (how many
        of the places have one), `residents` (null where no place has a count).
    """
    grouped = ledger.groupby(["service", "change", "change_zh", "change_en"], sort=True)
    return grouped.agg(
        places=("place_id", "nunique"),
        area_km2=("area_km2", lambda area: area.sum(min_count=1)),
        area_of=("area_km2", "count"),
        residents=("residents", lambda count: count.sum(min_count=1)),
    ).reset_index()


def parcel_ledger(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """List the parcels whose service class changes, with their land.

    Returns
    -------
    pandas.DataFrame
        `parcel_id`, `park_id`, `area_m2`, `class` (which flag), `before`, `after`, `synthetic`.
    """
    flags = [name for name in FLAGS if name in before.columns and name in after.columns]
    parts = [
        pd.DataFrame(
            {
                "class": flag,
                "before": before.set_index("parcel_id")[flag],
                "after": after.set_index("parcel_id")[flag],
            }
        )
        for flag in flags
    ]
    columns = ["parcel_id", "park_id", "area_m2", "class", "before", "after", "synthetic"]
    if not parts:
        return pd.DataFrame(columns=columns)
    stacked = pd.concat(parts)
    # unknown on one side only is a change; unknown on both is none
    told = stacked[["before", "after"]].astype("string").fillna("unknown")
    known = stacked[told["before"].ne(told["after"])]
    own = before.set_index("parcel_id")[["park_id", "area_m2", "synthetic"]]
    return known.join(own).rename_axis("parcel_id").reset_index()[columns]
