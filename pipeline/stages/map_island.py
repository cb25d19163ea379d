"""Bring the island effect into the form in which maps show services."""

from __future__ import annotations

import pandas as pd

from pipeline.publish.themed_map import MapFigure
from pipeline.stages.context import StageContext

#: The service under which each meaning of the island effect is shown; never joined into one.
SERVICES = {"contrast": "island", "separation": "separation"}
COUNTED, MOVED = "gridded_counts", "relocated_measures"
METHODS = {"contrast": COUNTED, "separation": MOVED}
WORDS = {
    COUNTED: ("格网计数，与随机搬移对照", "gridded counts against random relocations"),
    MOVED: ("多项指标，与随机搬移对照", "several measures against random relocations"),
    "island_contrast": (
        "设施内外反差；0 = 与随机搬移相当，正值更像孤岛",
        "contrast of amenities; 0 = as by chance, positive = more of an island",
    ),
    "island_separation": (
        "被屏障、断路与绕行隔开的程度；0 = 与随机搬移相当，正值更像孤岛",
        "cut off by barriers, gaps and detours; 0 = as by chance, positive = more of an island",
    ),
    "score": ("标准分", "standard score"),
    "island_found": ("显著：随机搬移难以得到", "significant: chance hardly gives it"),
    "island_none": ("不显著：与随机搬移无法区分", "not significant: chance gives it as well"),
}
COLUMNS = (
    "place_id", "service", "gap", "value", "unit", "low", "high", "status", "method", "measure",
    "judged", "significant", "p", "p_single", "change_zh", "change_en", "rank", "rank_low",
    "rank_high", "ranked", "snapshot",
)  # fmt: skip


def island_rows(context: StageContext) -> pd.DataFrame:
    """Give one row per place and theme: where it stands among footprints moved at random.

    ``gap`` is one minus the p-value of the theme: the share of relocations that are less of an
    island. It is an association and is no part of the composite gap. The themes are rows of their
    own, as services of `SERVICES`.
    """
    island = context.frame("island", "island.parquet")
    if "component" not in island.columns:
        return pd.DataFrame(columns=list(COLUMNS))
    ranks, reasons = (context.frame("island", f"{name}.parquet") for name in ("ranks", "reasons"))
    return pd.concat(
        [_theme_rows(context, theme, ranks, reasons) for theme in SERVICES], ignore_index=True
    )


def _theme_rows(
    context: StageContext, theme: str, ranks: pd.DataFrame, reasons: pd.DataFrame
) -> pd.DataFrame:
    main = reasons[reasons["theme"].eq(theme)].set_index("place_id")
    ranked = ranks[ranks["theme"].eq(theme)].set_index("place_id").reindex(main.index)
    known = ranked["p"].notna()
    significant = ranked["p_adjusted"].le(context.settings("island").alpha).where(known)
    found = pd.DataFrame(
        {
            "service": SERVICES[theme],
            "gap": 1 - ranked["p"],
            "value": ranked["score"],
            "unit": "score",
            "low": ranked["low"],
            "high": ranked["high"],
            "status": main["status"].where(~known, "ok"),
            "method": METHODS[theme],
            "measure": f"island_{theme}",
            "judged": significant.map({True: "island_found", False: "island_none"}),
            "significant": significant.astype("boolean"),
            "p": ranked["p_adjusted"],
            "p_single": ranked["p"],
            "rank": ranked["rank"],
            "rank_low": ranked["rank_low"],
            "rank_high": ranked["rank_high"],
            "ranked": ranked["ranked"],
            "snapshot": str(context.settings("study").date),
        },
        index=main.index,
    )
    for language in ("zh", "en"):
        found[f"change_{language}"] = main[f"reason_{language}"].astype("object").mask(known)
    return found.reset_index()[list(COLUMNS)]


def island_figure(context: StageContext, place_id: str) -> list[MapFigure]:
    """Read the profile that the stage `island` drew of a place, where it drew one."""
    name = f"outputs:figures/island/{place_id}.svg"
    path = context.path_if_any("island", name) if "island" in context.spec.needs else None
    if path is None:
        return []
    return [MapFigure(("孤岛剖面", "Island profile"), path.read_text(encoding="utf-8"))]
