"""Bring the island effect into the form in which maps show services."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.publish.themed_map import MapFigure
from pipeline.stages.context import StageContext

SERVICE = "island"
THEME = "contrast"
COMPONENT, CATEGORY = "amenity_contrast", "people_serving"
METHOD = "gridded_counts"
WORDS = {
    METHOD: ("格网计数，与随机搬移对照", "gridded counts against random relocations"),
    "island_contrast": (
        "设施内外反差；0 = 与随机搬移相当，正值更像孤岛",
        "contrast of amenities; 0 = as by chance, positive = more of an island",
    ),
    "score": ("标准分", "standard score"),
    "island_found": ("显著：随机搬移难以得到", "significant: chance hardly gives it"),
    "island_none": ("不显著：与随机搬移无法区分", "not significant: chance gives it as well"),
}
COLUMNS = (
    "place_id", "service", "gap", "value", "unit", "low", "high", "status", "method", "measure",
    "judged", "significant", "p", "change_zh", "change_en", "rank", "rank_low", "rank_high",
    "snapshot",
)  # fmt: skip


def island_rows(context: StageContext) -> pd.DataFrame:
    """Give one row per place: where it stands among footprints moved at random through the city.

    ``gap`` is one minus the p-value of the theme `THEME`: the share of relocations that are less
    of an island. It is an association and is no part of the composite gap.
    """
    island = context.frame("island", "island.parquet")
    if "component" not in island.columns:
        return pd.DataFrame(columns=list(COLUMNS))
    main = island[
        island["main_ring"] & island["component"].eq(COMPONENT) & island["category"].eq(CATEGORY)
    ].set_index("place_id")
    ranks = context.frame("island", "ranks.parquet")
    ranked = ranks[ranks["theme"].eq(THEME)].set_index("place_id").reindex(main.index)
    known = ranked["p"].notna()
    significant = ranked["p_adjusted"].le(context.settings("island").alpha).where(known)
    found = pd.DataFrame(
        {
            "service": SERVICE,
            "gap": 1 - ranked["p"],
            "value": ranked["score"],
            "unit": "score",
            "low": ranked["low"],
            "high": ranked["high"],
            "status": main["status"].where(~known, "ok"),
            "method": METHOD,
            "measure": "island_contrast",
            "judged": significant.map({True: "island_found", False: "island_none"}),
            "significant": significant.astype("boolean"),
            "p": ranked["p_adjusted"],
            "rank": ranked["rank"],
            "rank_low": ranked["rank_low"],
            "rank_high": ranked["rank_high"],
            "snapshot": str(context.settings("study").date),
        },
        index=main.index,
    )
    for language in ("zh", "en"):
        found[f"change_{language}"] = main[f"reason_{language}"].astype("object").mask(known)
    return found.reset_index()[list(COLUMNS)]


def island_figure(context: StageContext, place_id: str) -> list[MapFigure]:
    """Read the profile that the stage `island` drew of a place, where it drew one."""
    path: Path = context.workspace.output("island", f"outputs:figures/island/{place_id}.svg")
    if "island" not in context.spec.needs or not path.is_file():
        return []
    return [MapFigure(("孤岛剖面", "Island profile"), path.read_text(encoding="utf-8"))]
