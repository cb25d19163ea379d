"""Word what was found about a place: the gap of a service, and the two questions of a composite."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from pipeline.publish.map_measures import Words

COMPOSITE = "composite"
CERTAIN = "certain"
LARGEST = "largest"
_SURE: Mapping[str, Words] = {
    "robust": ("·稳健", ", robust"),
    "likely": ("·较可能", ", likely"),
    CERTAIN: ("", ""),
}
_UNDECIDED = "not_testable"


def with_verdicts(gaps: pd.DataFrame) -> pd.DataFrame:
    """Add ``judged`` and ``largest``: codes of `verdict_words` that say what was found.

    ``judged`` is about a gap at all (of a composite: above 0); ``largest`` about a composite being
    among the largest. They are different questions and are worded apart.
    """
    whole = gaps["service"].eq(COMPOSITE)
    judged = _codes(gaps["finding"], gaps["verdict"], gaps["gap"])
    added = {"judged": judged.where(~whole, COMPOSITE + "_" + judged)}
    if {"rank_finding", "rank_verdict"} <= set(gaps.columns):
        listed = _codes(gaps["rank_finding"], gaps["rank_verdict"], gaps["gap"])
        added["largest"] = (LARGEST + "_" + listed).where(whole)
    return gaps.assign(**added)


def verdict_words(worst_places: int) -> dict[str, Words]:
    """Name the codes of `with_verdicts`; `worst_places` is how many count as the largest."""
    asked: Mapping[str, tuple[Words, Words, Words]] = {
        "": (
            ("有缺口", "a gap"),
            ("无缺口", "no gap"),
            ("有无缺口：无法判定", "a gap or not: undecided"),
        ),
        f"{COMPOSITE}_": (
            ("至少一项有缺口", "some service has a gap"),
            ("各项都没有缺口", "no service has a gap"),
            ("有没有一项有缺口：无法判定", "some service has a gap or not: undecided"),
        ),
        f"{LARGEST}_": (
            (f"缺口最大的 {worst_places} 处之一", f"among the {worst_places} largest"),
            (f"不属于缺口最大的 {worst_places} 处", f"not among the {worst_places} largest"),
            (
                f"是否缺口最大的 {worst_places} 处：无法判定",
                f"among the {worst_places} largest or not: undecided",
            ),
        ),
    }
    words: dict[str, Words] = {}
    for prefix, (gap, no_gap, undecided) in asked.items():
        for sure, (zh, en) in _SURE.items():
            words[f"{prefix}found_{sure}"] = (gap[0] + zh, gap[1] + en)
            words[f"{prefix}none_{sure}"] = (no_gap[0] + zh, no_gap[1] + en)
        words[f"{prefix}undecided"] = undecided
    return words


def _codes(
    finding: pd.Series[str], verdict: pd.Series[str], gap: pd.Series[float]
) -> pd.Series[str]:
    """Join finding and verdict to a code; a certain boundary has a finding and no verdict."""
    said = finding.map({"gap": "found", "no_gap": "none"})
    sure = verdict.astype("object").where(verdict.notna(), CERTAIN)
    code = (said + "_" + sure).astype("object")
    open_ = said.isna() | sure.eq(_UNDECIDED)
    return code.mask(open_ & gap.notna(), "undecided").mask(gap.isna(), None)
