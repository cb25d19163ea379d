"""A study as `parkgap new` writes it without an extract runs through every stage to its report."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd

from pipeline.engine import execute_stage
from pipeline.sources.study_new import MINIMAL, new_study, write_study
from pipeline.stages.flow import STAGES
from pipeline.study import read_study
from pipeline.workspace import Workspace


def test_a_place_and_nothing_else(tmp_path: Path) -> None:
    """No facility, no street, no count: pages say that there is no value, and none is zero."""
    plan = new_study(
        "苏州", folder=tmp_path / "studies", start=MINIMAL, osm=None, centre=(120.62, 31.3),
        today=dt.date(2026, 11, 21),
    )  # fmt: skip
    path = next(one for one in write_study(plan) if one.suffix == ".yml")
    study = read_study(path, {"uncertainty.draws": 20})
    place = Workspace(tmp_path, study.study.id)
    place.built.mkdir(parents=True)
    place.plan.write_text(study.model_dump_json(), encoding="utf-8")
    for stage in STAGES:
        execute_stage(stage.name, place.plan)
    gaps = pd.read_parquet(place.built / "gaps" / "gaps.parquet")
    assert gaps["gap"].isna().all()
    assert gaps["status"].eq("no_data").all()
    report = (place.outputs / "report.html").read_text(encoding="utf-8")
    assert "none of 1 places has a value" in report
    assert (place.outputs / "maps" / "overview.html").is_file()
