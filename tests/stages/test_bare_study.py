"""A study as `parkgap new` writes it without an extract runs through every stage to its report."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pandas as pd

from pipeline.engine import execute_stage
from pipeline.sources.study_new import MINIMAL, new_study, write_study
from pipeline.stages.flow import STAGES
from pipeline.study import read_study
from pipeline.workspace import Workspace


def _built(root: Path, stages: list[str], **inputs: object) -> Workspace:
    plan = new_study(
        "苏州", folder=root / "studies", start=MINIMAL, osm=None, centre=(120.62, 31.3),
        today=dt.date(2026, 11, 21),
    )  # fmt: skip
    path = next(one for one in write_study(plan) if one.suffix == ".yml")
    given = {f"inputs.{role}": value for role, value in inputs.items()}
    study = read_study(path, {"uncertainty.draws": 20, **given})
    place = Workspace(root, study.study.id)
    place.built.mkdir(parents=True)
    place.plan.write_text(study.model_dump_json(), encoding="utf-8")
    for stage in stages:
        execute_stage(stage, place.plan)
    return place


def test_a_place_and_nothing_else(tmp_path: Path) -> None:
    """No facility, no street, no count: pages say that there is no value, and none is zero."""
    place = _built(tmp_path, [stage.name for stage in STAGES])
    gaps = pd.read_parquet(place.built / "gaps" / "gaps.parquet")
    assert gaps["gap"].isna().all()
    assert gaps["status"].eq("no_data").all()
    report = (place.outputs / "report.html").read_text(encoding="utf-8")
    assert "none of 1 places has a value" in report
    assert "1 处地点没有公开的边界" in report
    assert "核心区、特色区" not in report
    shown = {path.name for path in (place.outputs / "maps").iterdir()}
    assert shown == {"overview.html", "parks"}  # no page that has nothing to show


def test_people_and_hospitals_of_which_none_counts(tmp_path: Path) -> None:
    """A variant that no hospital has: no supply to share among residents, and a notice says so."""
    (tmp_path / "hospitals.csv").write_text(
        "医院名称,等级,经度,纬度\n某医院,2A,120.63,31.31\n", encoding="utf-8"
    )
    (tmp_path / "homes.csv").write_text(
        "cell_id,lon,lat,人口\na,120.6,31.3,500\nb,120.65,31.32,900\n", encoding="utf-8"
    )
    place = _built(
        tmp_path,
        ["ingest", "networks", "rail", "hospitals"],
        hospitals={"path": str(tmp_path / "hospitals.csv")},
        residents={"path": str(tmp_path / "homes.csv")},
        hospital_grades={"hospital_all": {"grade": ["3A"]}},
    )
    assert pd.read_parquet(place.built / "hospitals" / "inequality.parquet").empty
    told = json.loads(place.manifest("hospitals").read_text(encoding="utf-8"))["notices"]
    assert any("no facility of hospital_all is known" in notice["en"] for notice in told)
