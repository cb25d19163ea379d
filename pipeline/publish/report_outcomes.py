"""Sort every place and service into one of six outcomes, and count them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.publish import palettes
from pipeline.publish.report_cells import Badge

GAP_ROBUST, GAP_LIKELY = "gap_robust", "gap_likely"
NO_GAP_LIKELY, NO_GAP_ROBUST = "no_gap_likely", "no_gap_robust"
UNDECIDED, NO_VALUE = "undecided", "no_value"

#: From the firmest gap to the firmest absence of one; then what cannot be said.
OUTCOMES = (GAP_ROBUST, GAP_LIKELY, UNDECIDED, NO_GAP_LIKELY, NO_GAP_ROBUST, NO_VALUE)

BADGES = {
    GAP_ROBUST: Badge("gap-robust", "缺口·稳健", "gap, robust"),
    GAP_LIKELY: Badge("gap-likely", "缺口·较可能", "gap, likely"),
    UNDECIDED: Badge("undecided", "无法判定", "undecided"),
    NO_GAP_LIKELY: Badge("no-gap-likely", "无缺口·较可能", "no gap, likely"),
    NO_GAP_ROBUST: Badge("no-gap-robust", "无缺口·稳健", "no gap, robust"),
    NO_VALUE: Badge("no-value", "无值", "no value"),
}

#: The composite asks another question: is the place among those with the largest gaps?
RANK_BADGES = {
    GAP_ROBUST: Badge("gap-robust", "最大之列·稳健", "largest, robust"),
    GAP_LIKELY: Badge("gap-likely", "最大之列·较可能", "largest, likely"),
    UNDECIDED: Badge("undecided", "是否列入：未定", "largest: undecided"),
    NO_GAP_LIKELY: Badge("no-gap-likely", "不在其列·较可能", "not largest, likely"),
    NO_GAP_ROBUST: Badge("no-gap-robust", "不在其列·稳健", "not largest, robust"),
    NO_VALUE: Badge("no-value", "无值", "no value"),
}

FILL = {
    GAP_ROBUST: palettes.GAP[3],
    GAP_LIKELY: "#e59a6f",
    UNDECIDED: "#b4bbc2",
    NO_GAP_LIKELY: "#8cc0cf",
    NO_GAP_ROBUST: palettes.FACILITY["school"],
    NO_VALUE: "#ffffff",
}

#: In the order of the maps' legend.
KIND_ORDER = (
    "core", "core_part", "zone", "case", "carrier", "x", "cluster", "local", "comparator", "policy",
)  # fmt: skip


def outcomes(gaps: pd.DataFrame) -> pd.Series[str]:
    """Give the outcome of each row of the table of gaps, on its index.

    A row without a gap has no value, whatever else it says. A row whose boundary is certain has a
    finding and no verdict: it counts as robust.
    """
    firm = (gaps["verdict"].isna() | gaps["verdict"].eq("robust")).to_numpy()
    likely = gaps["verdict"].eq("likely").to_numpy()
    gap, no_gap = (gaps["finding"].eq(finding).to_numpy() for finding in ("gap", "no_gap"))
    choices = {
        NO_VALUE: gaps["gap"].isna().to_numpy(),
        GAP_ROBUST: gap & firm,
        GAP_LIKELY: gap & likely,
        NO_GAP_ROBUST: no_gap & firm,
        NO_GAP_LIKELY: no_gap & likely,
    }
    found = np.select(list(choices.values()), list(choices), default=UNDECIDED)
    return pd.Series(found.tolist(), index=gaps.index, dtype="str")


def tally(found: pd.Series[str]) -> pd.Series[int]:
    """Count the outcomes of a set of places; every outcome is named, also those that count 0."""
    said = found.tolist()
    return pd.Series({outcome: said.count(outcome) for outcome in OUTCOMES})


def count_interval(counts: pd.Series[int]) -> tuple[int, int]:
    """Bound the number of places with a gap: the robust ones, and all where none is excluded."""
    least = int(counts[GAP_ROBUST])
    return least, least + int(counts[GAP_LIKELY] + counts[UNDECIDED])


def kinds_present(kinds: pd.Series[str]) -> list[str]:
    """List the groups of places there are, in the order of the layout; unknown ones last."""
    there = set(kinds.dropna())
    return [name for name in KIND_ORDER if name in there] + sorted(there - set(KIND_ORDER))
