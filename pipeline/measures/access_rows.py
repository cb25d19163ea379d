"""Turn values of places over their draws into the rows of the long table of results."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.measures.access_pairs import FloatArray
from pipeline.measures.uncertainty import NOT_TESTABLE, interval_of_draws, verdict, withhold
from pipeline.measures.uncertainty_footprints import FootprintDraws

MEASURED, ESTIMATED, MIXED = "measured_network", "estimated_straight_line", "mixed"
LAND = "land_area"
NONE_IN_CITY = "none_in_city"  # the study states that its city has none of it
COLUMNS = (
    "place_id", "service", "variant", "mode", "measure", "value", "unit", "denominator", "status",
    "method", "low", "high", "finding", "verdict", "measured_share", "standard_id", "snapshot",
)  # fmt: skip
JUDGED = ("finding", "verdict", "standard_id")  # what a need adds to the rows that it names
DRAWN = ("place_id", "draw", "service", "variant", "mode", "measure", "value", "beyond")
SILENT = ("no_data", NONE_IN_CITY)  # rows that only say that there is nothing to say
WITHHELD = ("value", "low", "high", "finding", "status", "verdict")


@dataclass(frozen=True)
class Need:
    """A standard that a value is held against: a gap is a value beyond it."""

    service: str
    variant: str
    mode: str
    measure: str
    threshold: float
    at_most: bool
    standard_id: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Name the measure it judges."""
        return self.service, self.variant, self.mode, self.measure


@dataclass(frozen=True)
class Judging:
    """How draws become verdicts (settings of the section `uncertainty`)."""

    robust_share: float
    likely_share: float


@dataclass(frozen=True, eq=False)
class Measured:
    """One measure of all places: `draws` of shape (places, draws).

    NaN is unknown, infinity lies beyond what the search could find. `measured` is the share of a
    place's land from which costs were measured on streets; None states that the value rests on
    straight lines by definition and is neither measured on streets nor estimated (its method is
    null). `unknown` is the status of a place without any value.
    """

    service: str
    variant: str
    mode: str
    measure: str
    unit: str
    draws: FloatArray
    measured: FloatArray | None
    snapshot: str | None
    denominator: str = LAND
    unknown: str = "no_data"

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Name the measure."""
        return self.service, self.variant, self.mode, self.measure


def long_table(
    found: Sequence[Measured], drawn: FootprintDraws, *, interval_share: float
) -> pd.DataFrame:
    """Give one row for each measure and place: median, interval, method; `judged` adds verdicts.

    Parameters
    ----------
    found
        Measures of the places of `drawn`.
    drawn
        The draws, for the places and how often each was drawn.
    interval_share
        Share of the draws inside the interval.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS` but for those of `JUDGED`, in the order of `found`, then of places.
    """
    columns = [name for name in COLUMNS if name not in JUDGED]
    if not found:
        return pd.DataFrame({name: [] for name in columns})
    places, counts = len(drawn.places), drawn.counts
    stacked = np.concatenate([item.draws for item in found])
    table = interval_of_draws(stacked, np.tile(counts, len(found)), interval_share=interval_share)
    table["place_id"] = np.tile(drawn.places.astype(str).to_numpy(dtype=object), len(found))
    for name in ("service", "variant", "mode", "measure", "unit", "denominator", "snapshot"):
        table[name] = np.repeat(np.array([getattr(item, name) for item in found], object), places)
    share = np.concatenate([_measured_share(item, places) for item in found])
    table["measured_share"] = np.where(np.tile(counts > 0, len(found)), share, np.nan)
    table["method"] = _method(table["measured_share"].to_numpy(dtype=np.float64), found, places)
    nothing = table["status"].eq("no_data")
    table.loc[nothing, ["method", "measured_share"]] = None
    unknown = np.repeat(np.array([item.unknown for item in found], object), places)
    table["status"] = table["status"].mask(nothing, pd.Series(unknown))
    return table[columns]


def judged(
    table: pd.DataFrame, draws: pd.DataFrame, *, needs: Sequence[Need], judging: Judging
) -> pd.DataFrame:
    """Add finding, verdict and standard to the rows of the long table that a need names.

    Parameters
    ----------
    table
        What `long_table` gives, with the status of places that were blanked or have nothing.
    draws
        What `draws_of_needs` gives of the measures that the needs name; a place without draws is
        not testable.
    needs
        Standards; at most one for each measure.
    judging
        Shares of draws.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`, on the rows of `table`; `JUDGED` is null where no need names the measure.
    """
    words = pd.DataFrame(None, index=table.index, columns=list(JUDGED), dtype=object)
    for need in needs:
        rows = table.index[_of_measure(table, need)]
        places = pd.Index(table.loc[rows, "place_id"])
        told = draws[_of_measure(draws, need)]
        found = verdict(
            told["value"]
            .mask(told["beyond"].astype(bool), np.inf)
            .set_axis(pd.MultiIndex.from_frame(told[["place_id", "draw"]])),
            places=places,
            threshold=need.threshold,
            claim="above" if need.at_most else "below",
            robust_share=judging.robust_share,
            likely_share=judging.likely_share,
        )
        known = found[["finding", "verdict"]].astype(object)
        words.loc[rows, ["finding", "verdict"]] = known.where(known.notna(), None).to_numpy()
        words.loc[rows, "standard_id"] = need.standard_id
    words["verdict"] = words["verdict"].mask(table["status"].eq(NONE_IN_CITY), None)
    words["verdict"] = words["verdict"].mask(table["status"].eq(NOT_TESTABLE), NOT_TESTABLE)
    return table.join(words)[list(COLUMNS)]


def _of_measure(table: pd.DataFrame, need: Need) -> pd.Series[bool]:
    """Find the rows of the measure that a need names."""
    names = ("service", "variant", "mode", "measure")
    each = [table[name].eq(value) for name, value in zip(names, need.key, strict=True)]
    return each[0] & each[1] & each[2] & each[3]


def draws_of_needs(
    found: Sequence[Measured], drawn: FootprintDraws, wanted: Collection[tuple[str, str, str, str]]
) -> pd.DataFrame:
    """Keep every draw of the measures that a need names, so that needs can be joined draw by draw.

    `wanted` are the keys of the needs.

    Returns
    -------
    pandas.DataFrame
        `place_id`, `draw`, `service`, `variant`, `mode`, `measure`, `value` (null unknown or
        beyond the search) and `beyond` (True where known to lie beyond the search).
    """
    key = drawn.key
    parts = []
    for item in found:
        if item.key not in wanted:
            continue
        flat = drawn.flat(item.draws)
        parts.append(
            pd.DataFrame(
                {
                    "place_id": key.get_level_values(0).astype(str),
                    "draw": key.get_level_values(1),
                    "service": item.service,
                    "variant": item.variant,
                    "mode": item.mode,
                    "measure": item.measure,
                    "value": np.where(np.isinf(flat), np.nan, flat),
                    "beyond": np.isinf(flat),
                }
            )
        )
    empty = pd.DataFrame({name: [] for name in DRAWN})
    return pd.concat(parts, ignore_index=True) if parts else empty


def without_unfit(rows: pd.DataFrame, unfit: pd.Series[bool]) -> pd.DataFrame:
    """Blank the rows of places whose recorded point is unfit for the service (`place_id`)."""
    flags = rows["place_id"].isin(unfit.index[unfit.astype(bool)])
    keep = [name for name in WITHHELD if name in rows.columns]
    blanked = withhold(rows[keep], flags)
    return rows.assign(**{name: blanked[name] for name in keep})


def none_in_city(table: pd.DataFrame) -> pd.DataFrame:
    """Say of what has no data that the city has none of it: known, and not merely unmapped."""
    nothing = table["status"].eq("no_data")
    found = table.assign(status=table["status"].mask(nothing, NONE_IN_CITY))
    if "verdict" in table.columns:
        found["verdict"] = table["verdict"].astype("object").mask(nothing, None)
    return found


def without_absence(rows: pd.DataFrame) -> pd.DataFrame:
    """Withdraw every finding of a gap that rests on facilities which may be unmapped.

    The nearest mapped facility bounds the way to the nearest one from above: it can show that a
    service is near, never that it is far.
    """
    claimed = rows["finding"].eq("gap").fillna(value=False).astype(bool)
    return rows.assign(
        finding=rows["finding"].mask(claimed, None),
        verdict=rows["verdict"].mask(claimed, NOT_TESTABLE),
    )


def _measured_share(item: Measured, places: int) -> FloatArray:
    return np.full(places, np.nan) if item.measured is None else item.measured


def _method(share: FloatArray, found: Sequence[Measured], places: int) -> pd.Series[str]:
    plain = np.repeat(np.array([item.measured is None for item in found]), places)
    words = np.select([share >= 1.0 - 1e-9, share > 0], [MEASURED, MIXED], ESTIMATED)
    return pd.Series(words, dtype=object).mask(plain, None)
