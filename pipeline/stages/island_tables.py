"""Shape the island effect's results for researchers and planners: draws, donors, comparison."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.measures.island_places import IslandContrast
from pipeline.measures.island_results import REASONS, ComponentResult
from pipeline.measures.island_score import THEMES, Scored, among_donors
from pipeline.publish.island_profile import CAVEATS

CASE, REFERENCE = "case_park", "comparator"
WHOLE_PLACE = ("no_footprint", "position")
SHOWN = (
    "component", "category", "unit", "inside", "ring", "observed", "effect", "null_median", "p",
    "p_island", "draws", "low", "high", "claim_share", "verdict", "status", "reason", "reason_zh",
    "reason_en", "basis",
)  # fmt: skip


def with_caveats(table: pd.DataFrame) -> pd.DataFrame:
    """Put what has to be said wherever a score stands beside every score."""
    zh, en = ("".join(each[0] for each in CAVEATS), " ".join(each[1] for each in CAVEATS))
    return table.assign(caveat_zh=zh, caveat_en=en)


def draws_layer(
    contrast: IslandContrast, apart: Sequence[ComponentResult], *, crs: str
) -> gpd.GeoDataFrame:
    """
    Give the relocations of all places as points.

    Columns `place_id`, `draw`, `dx_m`, `dy_m`, `angle_rad` and every statistic; a statistic that a
    place has no relocations of is null.
    """
    by_place: dict[str, dict[str, np.ndarray]] = {}
    for result in apart:
        by_place.setdefault(result.place_id, {})[result.statistic.column] = result.null
    frames = []
    for place in contrast.places:
        drawn = place.draws()
        known = {
            name: null
            for name, null in by_place.get(place.place_id, {}).items()
            if len(null) == len(drawn) > 0
        }
        frames.append(drawn.assign(**known))
    table = pd.concat(frames, ignore_index=True)
    points = gpd.points_from_xy(table.pop("x_m"), table.pop("y_m"), crs=crs)
    return gpd.GeoDataFrame(table, geometry=points)


def score_reasons(table: pd.DataFrame, scored: Collection[tuple[str, str]]) -> pd.DataFrame:
    """
    Say of every place and theme why it has no score.

    What holds of the whole place (no footprint, too uncertain a position) goes before the reasons
    of single components; a reason that all components of a theme share is that of the theme.

    Parameters
    ----------
    table
        The island table.
    scored
        Place and theme of every score.

    Returns
    -------
    `place_id`, `theme`, `status`, `reason`, `reason_zh`, `reason_en`
    """
    whole = table[table["reason"].isin(WHOLE_PLACE)].drop_duplicates("place_id")
    of_place = dict(zip(whole["place_id"], whole["reason"], strict=True))
    themes = {part: name for name, parts in THEMES.items() for part in parts}
    main = table[table["main_ring"]]
    by_theme = main.groupby(["place_id", main["component"].map(themes)])["reason"]
    shared = by_theme.unique()[by_theme.nunique(dropna=False).eq(1)].str[0].to_dict()
    rows = []
    for place_id in sorted(table["place_id"].unique()):
        for theme in THEMES:
            reason = None
            if (place_id, theme) not in scored:
                common = shared.get((place_id, theme), "not_scored")
                reason = of_place.get(place_id, common)
            status, zh, en = REASONS[reason] if reason else ("ok", None, None)
            rows.append((place_id, theme, status, reason, zh, en))
    columns = ["place_id", "theme", "status", "reason", "reason_zh", "reason_en"]
    return pd.DataFrame(rows, columns=columns)


def donor_table(
    reasons: pd.DataFrame, scored: Sequence[Scored], donors: Sequence[Scored]
) -> pd.DataFrame:
    """
    Tell of how many ordinary industrial sites each place is more island-like.

    `reasons` is what `score_reasons` gives. Columns `place_id`, `theme`, `part` (a component or
    `score`), `more_than`, `donors`, `status`, `reason`, `reason_zh`, `reason_en`; `more_than` is
    null where there is nothing to compare with.
    """
    found = among_donors(scored, donors)
    table = reasons.assign(part="score").merge(found, how="outer", on=["place_id", "theme", "part"])
    table["donors"] = table["donors"].fillna(0).astype("int64")
    alone = table["donors"].eq(0) & table["reason"].isna()
    status, zh, en = REASONS["no_donors"]
    told = ["status", "reason", "reason_zh", "reason_en"]
    table.loc[alone, told] = [status, "no_donors", zh, en]
    table.loc[table["donors"].gt(0), "status"] = "ok"
    table["more_than"] = table["more_than"].where(table["donors"].gt(0)).astype("Int64")
    kept = ["place_id", "theme", "part", "more_than", "donors", *told]
    return table[kept].sort_values(["place_id", "theme", "part"], ignore_index=True)


def comparison(
    places: pd.DataFrame, table: pd.DataFrame, ranks: pd.DataFrame, reasons: pd.DataFrame
) -> pd.DataFrame:
    """
    Set the case parks beside the reference clusters of the city, component by component.

    Parameters
    ----------
    places
        `place_id`, names, `category`, `tier`, `boundary_class`. Case parks have the category
        `case_park`; references are of tier `comparator` and have a footprint.
    table
        The island table.
    ranks
        Scores with their rank ranges.
    reasons
        Why places have no score; see `score_reasons`.

    Returns
    -------
    for each of them one row for each component at the main ring, then one for each score; with
    names, `role` (`case_park`, `reference`) and the statements that belong beside a score
    """
    case = places["category"].eq(CASE)
    reference = places["tier"].eq(REFERENCE) & places["boundary_class"].ne("none")
    chosen = places.loc[case | reference, ["place_id", "name_zh", "name_en"]]
    chosen = chosen.assign(role=np.where(case[case | reference], CASE, "reference"))
    pooled = table["component"].ne("amenity_contrast") | table["category"].eq("people_serving")
    parts = table.loc[table["main_ring"] & pooled, ["place_id", *SHOWN]]
    whole = reasons.merge(ranks, how="left", on=["place_id", "theme"]).assign(component="score")
    whole = whole.rename(columns={"theme": "category", "score": "observed"})
    kept = ["rank", "rank_low", "rank_high", "ranked", "p_adjusted"]
    whole = whole[["place_id", *(name for name in (*SHOWN, *kept) if name in whole)]]
    rows = pd.concat([parts.astype(object), whole.astype(object)], ignore_index=True)
    rows = rows.infer_objects().assign(order=np.arange(len(rows)))
    rows = chosen.merge(rows, on="place_id").sort_values(["role", "place_id", "order"])
    return with_caveats(rows.drop(columns="order").reset_index(drop=True))
