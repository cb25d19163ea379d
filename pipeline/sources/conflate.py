"""Join records of facts to places on the map, and leave the doubtful ones to a person."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.atomic import atomic_write
from pipeline.errors import CrsError, FieldError, Problem, SourceError
from pipeline.settings.sources import ConflateSettings
from pipeline.sources.name_likeness import name_likeness, without_city
from pipeline.spreadsheet import without_formulas

if TYPE_CHECKING:
    import geopandas as gpd

logger = logging.getLogger(__name__)

Outcome = Literal["accepted", "decided", "rejected", "ambiguous", "unmatched"]
_OUTCOMES_ZH = {
    "accepted": "匹配",
    "decided": "人工确认",
    "rejected": "人工否定",
    "ambiguous": "存疑",
    "unmatched": "未匹配",
}

DECISION_COLUMNS = ["fact_id", "fact_name", "place_id", "place_name", "score", "distance_m",
                    "decision", "note"]  # fmt: skip
_YES, _NO = "yes", "no"
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Conflation:
    """What was joined and what a person should look at.

    `joins` has one row for each fact, on the index of the facts: `place_id`, `score`,
    `distance_m` (all null unless joined) and `outcome`. `candidates` lists every pair worth
    showing, in the form of the decisions file: of each fact the best `most_candidates`. How many
    more there were, `left_out` tells in all and the note of the fact's last row for that fact.
    """

    joins: pd.DataFrame
    candidates: pd.DataFrame
    left_out: int = 0

    def __str__(self) -> str:
        """Render the counts of outcomes, Chinese first."""
        counts = sorted(self.joins["outcome"].value_counts().to_dict().items())
        zh = "、".join(f"{_OUTCOMES_ZH[str(outcome)]} {count}" for outcome, count in counts)
        en = ", ".join(f"{count} {outcome}" for outcome, count in counts)
        return f"{zh} / {en}"


def conflate(
    facts: gpd.GeoDataFrame,
    places: gpd.GeoDataFrame,
    *,
    fact_id: str,
    fact_name: str,
    place_id: str,
    place_names: tuple[str, ...],
    settings: ConflateSettings,
    decisions: pd.DataFrame | None = None,
) -> Conflation:
    """Join each fact to at most one place by the likeness of names and by distance.

    Rules, in order: (1) what a person decided holds; (2) the best candidate is accepted when its
    score reaches `accept_score` and leads the next by `clear_lead`, and no other fact claims the
    place with a better score; (3) candidates from `consider_score` on are listed as ambiguous;
    (4) the rest is unmatched. Several parts of one campus (places that touch the best and bear its
    name) do not compete with it.

    Parameters
    ----------
    facts
        Records with an id, a name, and a point or nothing, in a CRS in metres.
    places
        Geometries with an id and one or more names, in the same CRS.
    fact_id, fact_name, place_id
        Columns; ids are unique.
    place_names
        Columns of a place's names; the best one counts.
    settings
        Reach, weights and thresholds.
    decisions
        What `read_decisions` gives.

    Returns
    -------
    conflation

    Raises
    ------
    CrsError
        The two are not in one CRS in metres.
    FieldError
        Ids are missing or not unique.
    """
    _require(facts, places, fact_id, place_id)
    pairs = _scored(facts, places, fact_name, place_names, settings)
    pairs["fact_id"] = facts[fact_id].astype(str).to_numpy()[pairs["fact"]]
    pairs["place_id"] = places[place_id].astype(str).to_numpy()[pairs["place"]]
    ruled = _rulings(decisions)
    forbidden = {key for key, answer in ruled.items() if answer == _NO}
    chosen = {fact: place for (fact, place), answer in ruled.items() if answer == _YES}
    keys = list(zip(pairs["fact_id"], pairs["place_id"], strict=True))
    pairs = pairs[[key not in forbidden for key in keys]].reset_index(drop=True)
    joins = _decide(facts[fact_id].astype(str), pairs, places, chosen, settings)
    refused = {fact for fact, _ in forbidden}
    open_ = joins["outcome"] == "unmatched"
    joins.loc[open_ & facts[fact_id].astype(str).isin(refused), "outcome"] = "rejected"
    every = _candidates(pairs, places, place_names, facts[[fact_id, fact_name]], joins)
    shown = _best(every, settings.most_candidates)
    result = Conflation(joins, shown, len(every) - len(shown))
    logger.info("joined facts to places: %s", result)
    return result


def read_decisions(path: Path) -> pd.DataFrame:
    """Read the table of decisions; a missing file is an empty table.

    `decision` is "yes", "no" or blank (not decided yet).

    Raises
    ------
    SourceError
        The file cannot be read.
    FieldError
        Columns are missing, an answer is none of the three, or one fact has two places.
    """
    if not path.exists():
        return pd.DataFrame(columns=DECISION_COLUMNS, dtype=object)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        text = f"the decisions cannot be read: {error}"
        raise SourceError(Problem("判定表无法读取", text, path=path)) from error
    lacking = [c for c in ("fact_id", "place_id", "decision") if c not in table.columns]
    if lacking:
        listed = ", ".join(lacking)
        text = f"columns are missing: {listed}"
        raise FieldError(Problem(f"缺少字段：{listed}", text, path=path))
    table["decision"] = table["decision"].str.strip().str.casefold()
    problems = [
        Problem(
            f"decision 只能是 yes、no 或空，现为 {answer}",
            f"decision is yes, no or blank, not {answer}",
            path=path,
            row=line,
        )
        for line, answer in enumerate(table["decision"], start=2)
        if answer not in {"", _YES, _NO}
    ]
    yes = table[table["decision"] == _YES]
    problems += [
        Problem(f"{fact} 被判给多个地点", f"{fact} was given to several places", path=path)
        for fact in sorted(set(yes.loc[yes["fact_id"].duplicated(), "fact_id"]))
    ]
    if problems:
        raise FieldError(*problems)
    return table


def write_decisions(path: Path, candidates: pd.DataFrame, decisions: pd.DataFrame) -> int:
    """Add undecided candidates to the table of decisions; what people wrote is kept as it stands.

    Undecided rows that are no longer candidates go. The file has a byte order mark so that
    spreadsheet programs show Chinese.

    Returns
    -------
    open
        The number of rows that wait for a person.
    """
    kept = decisions[decisions["decision"] != ""]
    settled = set(zip(kept["fact_id"], kept["place_id"], strict=True))
    keys = zip(candidates["fact_id"], candidates["place_id"], strict=True)
    fresh = candidates[[key not in settled for key in keys]]
    table = pd.concat([kept, fresh], ignore_index=True).reindex(columns=DECISION_COLUMNS)
    table = table.sort_values(["fact_id", "place_id"], kind="stable")
    words = [name for name in DECISION_COLUMNS if name not in {"fact_id", "place_id"}]
    table[words] = without_formulas(table[words])
    atomic_write(path, "\ufeff" + table.to_csv(index=False, lineterminator="\n"))
    return len(fresh)


def _require(
    facts: gpd.GeoDataFrame, places: gpd.GeoDataFrame, fact_id: str, place_id: str
) -> None:
    if facts.crs is None or facts.crs != places.crs or not facts.crs.is_projected:
        text = f"facts and places must share a CRS in metres: {facts.crs}, {places.crs}"
        raise CrsError(Problem("名录与地点须为同一米制坐标系", text, rule="crs"))
    problems = [
        Problem(f"编号 {column} 缺失或重复", f"ids in {column} are missing or not unique")
        for frame, column in ((facts, fact_id), (places, place_id))
        if frame[column].isna().any() or frame[column].duplicated().any()
    ]
    if problems:
        raise FieldError(*problems)


def _scored(
    facts: gpd.GeoDataFrame,
    places: gpd.GeoDataFrame,
    fact_name: str,
    place_names: tuple[str, ...],
    settings: ConflateSettings,
) -> pd.DataFrame:
    """Score each fact against the places within reach; without a point against all, by name."""
    import shapely

    points = facts.geometry.to_numpy()
    shapes = places.geometry.to_numpy()
    located = ~(shapely.is_missing(points) | shapely.is_empty(points))
    near = shapely.STRtree(shapes).query(
        points[located], predicate="dwithin", distance=settings.reach_m
    )
    fact, place = np.flatnonzero(located)[near[0]], near[1]
    lost = np.flatnonzero(~located)
    fact = np.concatenate([fact, np.repeat(lost, len(places))])
    place = np.concatenate([place, np.tile(np.arange(len(places)), len(lost))])
    distance = shapely.distance(points[fact], shapes[place])  # NaN without a point
    bare = without_city(settings.city_words)
    names = [places[column].map(bare).to_numpy() for column in place_names]
    mine = facts[fact_name].map(bare).to_numpy()
    likeness = np.array(
        [
            max(name_likeness(mine[f], column[p]) for column in names)
            for f, p in zip(fact, place, strict=True)
        ]
    )
    # an unknown distance counts half, so that without a point only the very name is accepted
    nearness = np.where(np.isnan(distance), 0.5, 1.0 - distance / settings.reach_m)
    score = settings.name_weight * likeness + (1 - settings.name_weight) * nearness
    score = np.where(likeness < settings.consider_score, 0.0, score)  # nearness alone joins nothing
    table = pd.DataFrame({"fact": fact, "place": place, "score": score, "distance_m": distance})
    return table[table["score"] >= settings.consider_score].reset_index(drop=True)


def _rulings(decisions: pd.DataFrame | None) -> Mapping[tuple[str, str], str]:
    if decisions is None:
        return {}
    rows = decisions[decisions["decision"] != ""]
    keys = zip(rows["fact_id"], rows["place_id"], strict=True)
    return dict(zip(keys, rows["decision"], strict=True))


def _decide(
    ids: pd.Series[str],
    pairs: pd.DataFrame,
    places: gpd.GeoDataFrame,
    chosen: Mapping[str, str],
    settings: ConflateSettings,
) -> pd.DataFrame:
    by_fact = {f: g.sort_values("score", ascending=False) for f, g in pairs.groupby("fact_id")}
    rows: list[tuple[str | None, float, float, Outcome]] = []
    for fact in ids:
        options = by_fact.get(fact)
        if fact in chosen:
            row = None if options is None else options[options["place_id"] == chosen[fact]]
            figures = (np.nan, np.nan) if row is None or row.empty else _figures(row.iloc[0])
            rows.append((chosen[fact], *figures, "decided"))
        elif options is None:
            rows.append((None, np.nan, np.nan, "unmatched"))
        elif _clear(options, places, settings):
            best = options.iloc[0]
            rows.append((str(best["place_id"]), *_figures(best), "accepted"))
        else:
            rows.append((None, np.nan, np.nan, "ambiguous"))
    columns = ["place_id", "score", "distance_m", "outcome"]
    joins = pd.DataFrame(rows, columns=columns, index=ids.index)
    return _one_claim_per_place(joins)


def _figures(row: pd.Series[float]) -> tuple[float, float]:
    return float(row["score"]), float(row["distance_m"])


def _clear(options: pd.DataFrame, places: gpd.GeoDataFrame, settings: ConflateSettings) -> bool:
    """Tell whether the best candidate is good enough and ahead of all that are not its own part."""
    import shapely

    best = options.iloc[0]
    if best["score"] < settings.accept_score - _ROUNDING:
        return False
    shapes = places.geometry.to_numpy()
    rivals = options.iloc[1:]
    close = rivals[best["score"] - rivals["score"] < settings.clear_lead]
    apart = ~shapely.intersects(shapes[int(best["place"])], shapes[close["place"].to_numpy(int)])
    return not bool(np.any(apart))


def _one_claim_per_place(joins: pd.DataFrame) -> pd.DataFrame:
    """Leave a place to the fact with the best score; its other claims are ambiguous."""
    claims = joins[joins["outcome"] == "accepted"].sort_values("score", ascending=False)
    decided = set(joins.loc[joins["outcome"] == "decided", "place_id"])
    second = claims["place_id"].duplicated() | claims["place_id"].isin(decided)
    lost = claims.index[second]
    joins.loc[lost, "place_id"] = None
    joins.loc[lost, ["score", "distance_m"]] = np.nan
    joins.loc[lost, "outcome"] = "ambiguous"
    return joins


def _candidates(
    pairs: pd.DataFrame,
    places: gpd.GeoDataFrame,
    place_names: tuple[str, ...],
    named: pd.DataFrame,
    joins: pd.DataFrame,
) -> pd.DataFrame:
    """List the pairs of the ambiguous facts for a person, best first."""
    ids, fact_names = named.iloc[:, 0].astype(str), named.iloc[:, 1].to_numpy()
    waiting = set(ids[joins["outcome"] == "ambiguous"])
    shown = pairs[pairs["fact_id"].isin(waiting)].copy()
    names: npt.NDArray[np.object_] = places[list(place_names)].bfill(axis=1).iloc[:, 0].to_numpy()
    table = pd.DataFrame(
        {
            "fact_id": shown["fact_id"],
            "fact_name": fact_names[shown["fact"].to_numpy()],
            "place_id": shown["place_id"],
            "place_name": names[shown["place"].to_numpy()],
            "score": shown["score"].round(3),
            "distance_m": shown["distance_m"].round(0),
            "decision": "",
            "note": "",
        },
        columns=DECISION_COLUMNS,
    )
    order = {"fact_id": True, "score": False, "place_id": True}
    return table.sort_values(list(order), ascending=list(order.values())).reset_index(drop=True)


def _best(candidates: pd.DataFrame, most: int) -> pd.DataFrame:
    """Keep the first of each fact's candidates, which are in order, and note how many follow."""
    facts = candidates.groupby("fact_id")
    rank, count = facts.cumcount() + 1, facts["score"].transform("size")
    last = (rank == most) & (count > most)
    notes = [
        f"只列最好的 {most} 个，另有 {more} 个 / the best {most}, {more} more" if is_last else ""
        for is_last, more in zip(last, count - most, strict=True)
    ]
    noted = candidates.assign(note=notes)
    return noted[rank <= most].reset_index(drop=True)
