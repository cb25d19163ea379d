"""Run a scenario: the study as it is, the study as changed, and the ledger between them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
from pydantic import ValidationError

from pipeline import engine
from pipeline.atomic import atomic_write
from pipeline.errors import Problem, StudyError
from pipeline.scenarios.draw import draw_scenario
from pipeline.scenarios.files import Scenario
from pipeline.scenarios.inputs import changed_study
from pipeline.scenarios.ledger import parcel_ledger, place_ledger, summary_of
from pipeline.spreadsheet import without_formulas
from pipeline.stages.flow import StageSpec
from pipeline.study import Study
from pipeline.workspace import Workspace

logger = logging.getLogger(__name__)
TARGETS = ("gaps", "parcels")


@dataclass(frozen=True, eq=False)
class ScenarioResult:
    """What a scenario changed and where that is written."""

    folder: Path
    places: pd.DataFrame
    summary: pd.DataFrame
    parcels: pd.DataFrame | None

    @property
    def map(self) -> Path:
        """The page that shows both states."""
        return self.folder / "map.html"


def run_scenario(
    scenario: Scenario,
    name: str,
    *,
    study: Study,
    workspace: Workspace,
    parcels: bool,
    cores: int,
    on_stage: Callable[[str, str], None] = lambda _side, _stage: None,
) -> ScenarioResult:
    """Compute a study with and without a scenario; write and draw what is different.

    Both sides are computed by the engine, each in its own workspace; only what is stale runs.

    Parameters
    ----------
    scenario, name
        The scenario and its short name, which names the folder.
    study
        The study as it is.
    workspace
        Folders of the study as it is.
    parcels
        Whether parcels are compared too (needs the island stage, which takes longest).
    cores
        How many stages may run at once.
    on_stage
        Is told which side (`before`, `after`) finished which stage.

    Raises
    ------
    StudyError
        The scenario does not fit the study.
    StageFailedError
        A stage failed.
    """
    folder = workspace.outputs / "scenarios" / name
    changed = _with(study, changed_study(scenario, study, folder / "inputs"))
    other = Workspace(root=folder / "workspace", study=workspace.study)
    targets = TARGETS if parcels else TARGETS[:1]
    for side, plan, place in (("before", study, workspace), ("after", changed, other)):
        for target in targets:
            engine.run(plan, place, target=target, cores=cores, on_end=_teller(on_stage, side))
    result = _compared(workspace, other, folder, parcels=parcels)
    _write(result, scenario, study, changed)
    page = draw_scenario(
        scenario,
        study=study,
        before=workspace,
        after=other,
        ledger=result.places,
        summary=result.summary,
        parcels=result.parcels,
        target=result.map,
    )
    atomic_write(result.map, page)
    return result


def _teller(on_stage: Callable[[str, str], None], side: str) -> Callable[[StageSpec, bool], None]:
    return lambda spec, _stood: on_stage(side, spec.name)


def _with(study: Study, changes: Mapping[str, Any]) -> Study:
    """Give the study with other values, checked as any study is."""
    tree: dict[str, Any] = json.loads(study.model_dump_json())
    for dotted, value in changes.items():
        *path, last = dotted.split(".")
        branch = tree
        for key in path:
            branch = branch.setdefault(key, {})
        branch[last] = value
    text = json.dumps(tree, ensure_ascii=False, default=str)
    try:
        return Study.model_validate_json(text, context={"base": Path.cwd()})
    except ValidationError as error:
        raise StudyError(
            *(
                Problem(
                    zh="情景给出的值无效",
                    en=detail["msg"],
                    rule=".".join(str(part) for part in detail["loc"]),
                )
                for detail in error.errors()
            )
        ) from None


def _compared(
    before: Workspace, after: Workspace, folder: Path, *, parcels: bool
) -> ScenarioResult:
    gaps = [pd.read_parquet(place.built / "gaps" / "gaps.parquet") for place in (before, after)]
    ledger = place_ledger(
        gaps[0],
        gaps[1],
        gpd.read_parquet(before.built / "ingest" / "places.parquet"),
        pd.read_parquet(before.built / "ingest" / "people_of_places.parquet"),
    )
    moved = None
    if parcels:
        tables = [
            pd.read_parquet(place.built / "parcels" / "parcels.parquet")
            for place in (before, after)
        ]
        moved = parcel_ledger(*tables)
    logger.info("%d rows compared, %d changed", len(ledger), int(ledger["change"].ne("same").sum()))
    return ScenarioResult(folder, ledger, summary_of(ledger), moved)


def _write(result: ScenarioResult, scenario: Scenario, base: Study, changed: Study) -> None:
    """Write the ledger for people (CSV with a mark that Excel reads) and what it rests on."""
    tables = {"ledger": result.places, "summary": result.summary}
    if result.parcels is not None:
        tables["parcels"] = result.parcels
    else:
        (result.folder / "parcels.csv").unlink(missing_ok=True)
    for name, table in tables.items():
        text = "\ufeff" + without_formulas(table).to_csv(index=False, lineterminator="\n")
        atomic_write(result.folder / f"{name}.csv", text)
    told = {
        "scenario": json.loads(scenario.model_dump_json()),
        "study": base.study.id,
        "before": base.digest(),
        "after": changed.digest(),
        "hypothetical": True,
    }
    atomic_write(
        result.folder / "scenario.json",
        json.dumps(told, ensure_ascii=False, sort_keys=True, indent=1) + "\n",
    )
