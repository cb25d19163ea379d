"""Compare two built studies: which figures differ, and which causes their manifests tell."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.basis import stage_sources
from pipeline.errors import LayerError, Problem
from pipeline.scenarios.ledger import place_ledger, summary_of
from pipeline.stages.flow import STAGES
from pipeline.stages.tables_read import sha256
from pipeline.study import Study, restore_study
from pipeline.workspace import Workspace

NOT_THERE = "—"


@dataclass(frozen=True, eq=False)
class Comparison:
    """What differs between two runs.

    `causes` has one row for each difference of inputs, settings, code and libraries by stage;
    `files` the tables whose content differs; `places` the gaps that do, and `summary` their count.
    """

    causes: pd.DataFrame
    files: pd.DataFrame
    places: pd.DataFrame
    summary: pd.DataFrame


def compare_runs(first: Workspace, second: Workspace) -> Comparison:
    """Compare two workspaces by their manifests and by their table of gaps.

    Raises
    ------
    LayerError
        A workspace holds no table of gaps.
    """
    import geopandas as gpd

    manifests = [_manifests(place) for place in (first, second)]
    studies = [restore_study(place.plan) for place in (first, second)]
    causes = [*_input_causes(studies[0], studies[1])]
    files = []
    for stage in STAGES:
        sides = [found.get(stage.name, {}) for found in manifests]
        causes += _stage_causes(stage.name, sides[0].get("basis"), sides[1].get("basis"))
        files += _files(stage.name, sides[0].get("files", {}), sides[1].get("files", {}))
    gaps = [pd.read_parquet(_needed(place, "gaps/gaps.parquet")) for place in (first, second)]
    ledger = place_ledger(
        gaps[0],
        gaps[1],
        gpd.read_parquet(_needed(first, "ingest/places.parquet")),
        pd.read_parquet(_needed(first, "ingest/people_of_places.parquet")),
    )
    causes_of = pd.DataFrame(causes, columns=["cause", "stage", "what", "first", "second"])
    return Comparison(
        _once(causes_of),
        pd.DataFrame(files, columns=["stage", "file", "state"]),
        _moved(ledger),
        summary_of(ledger),
    )


def _moved(ledger: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows in which the value, the gap, the finding or the method differs."""
    other = pd.Series(data=False, index=ledger.index)
    for name in ("value", "gap"):
        first, last = (ledger[f"{name}_{side}"].astype("float64") for side in ("before", "after"))
        other |= first.ne(last) & (first.notna() | last.notna())
    for name in ("finding", "verdict", "method", "status"):
        pair = ledger[[f"{name}_before", f"{name}_after"]].astype("object").fillna(NOT_THERE)
        other |= pair[f"{name}_before"].ne(pair[f"{name}_after"])
    return ledger[other].reset_index(drop=True)


def _once(causes: pd.DataFrame) -> pd.DataFrame:
    """Tell a cause that several stages share once, with all of their names."""
    keys = ["cause", "what", "first", "second"]
    if causes.empty:
        return causes
    joined = causes.groupby(keys, sort=False, dropna=False)["stage"].agg(", ".join)
    return joined.reset_index()[["cause", "stage", "what", "first", "second"]]


def _manifests(place: Workspace) -> dict[str, dict[str, Any]]:
    found = {}
    for stage in STAGES:
        path = place.manifest(stage.name)
        if path.is_file():
            found[stage.name] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _input_causes(first: Study, second: Study) -> list[tuple[str, str, str, str, str]]:
    """Compare the content of the files that the two studies open, as it is now."""
    rows = []
    for stage in STAGES:
        sides = [stage_sources(stage, study) for study in (first, second)]
        for role in sorted(sides[0].keys() | sides[1].keys()):
            told = [_content(side.get(role)) for side in sides]
            if told[0] != told[1]:
                rows.append(("inputs", stage.name, role, told[0], told[1]))
    return rows


def _content(path: Any) -> str:  # noqa: ANN401
    if path is None:
        return NOT_THERE
    return f"{path.name} {sha256(path)[:12]}" if path.is_file() else f"{path.name} (gone)"


def _stage_causes(
    stage: str, first: dict[str, Any] | None, second: dict[str, Any] | None
) -> list[tuple[str, str, str, str, str]]:
    if first is None or second is None:
        if first is second:
            return []
        there = ["built" if side is not None else NOT_THERE for side in (first, second)]
        return [("stage", stage, "manifest", there[0], there[1])]
    rows = [
        ("settings", stage, path, before, after)
        for path, before, after in _differences(first["settings"], second["settings"])
    ]
    rows += [
        ("libraries", stage, path, before, after)
        for path, before, after in _differences(first["libraries"], second["libraries"])
    ]
    for name in ("code", "contract"):
        if first[name] != second[name]:
            rows.append(("code", stage, name, first[name][:12], second[name][:12]))
    return rows


def _differences(first: Any, second: Any, path: str = "") -> list[tuple[str, str, str]]:  # noqa: ANN401
    """List the dotted paths at which two trees differ, with both values."""
    if isinstance(first, dict) and isinstance(second, dict):
        rows = []
        for key in sorted(first.keys() | second.keys()):
            below = f"{path}.{key}" if path else str(key)
            rows += _differences(first.get(key), second.get(key), below)
        return rows
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        rows = []
        for number, (one, other) in enumerate(zip(first, second, strict=True)):
            rows += _differences(one, other, f"{path}[{number}]")
        return rows
    return [] if first == second else [(path, _short(first), _short(second))]


def _short(value: Any) -> str:  # noqa: ANN401
    text = NOT_THERE if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004


def _files(stage: str, first: dict[str, str], second: dict[str, str]) -> list[tuple[str, str, str]]:
    rows = []
    for name in sorted(first.keys() | second.keys()):
        if name not in first or name not in second:
            rows.append((stage, name, "only_second" if name in second else "only_first"))
        elif first[name] != second[name]:
            rows.append((stage, name, "differs"))
    return rows


def _needed(place: Workspace, name: str) -> Any:  # noqa: ANN401
    path = place.built / name
    if not path.is_file():
        raise LayerError(
            Problem(
                zh="这里没有已构建的研究",
                en="there is no built study here",
                path=path,
                remedy_zh="先运行 parkgap run -w",
                remedy_en="run `parkgap run -w` first",
            )
        )
    return path
