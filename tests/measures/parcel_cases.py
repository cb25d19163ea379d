"""The documented parcels as small tables, and the rule files, for the parcel tests."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
from ruamel.yaml import YAML

from pipeline.measures.parcel_partition import Judged, judge, measure
from pipeline.settings.parcel_rules import RuleSet

RULES = Path(__file__).resolve().parents[2] / "studies" / "rules"
M2_PER_MU = 10_000 / 15


def rule_set(name: str) -> RuleSet:
    return RuleSet.model_validate(YAML(typ="safe").load(RULES / f"{name}.yml"))


def table(*rows: dict[str, object]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows))
    for name in frame.columns:
        if name.startswith(("agreed_", "actual_", "grant_date", "stop_date")):
            frame[name] = pd.to_datetime(frame[name])
    if "parcel_id" not in frame:
        frame["parcel_id"] = [f"P{k}" for k in range(len(frame))]
    return frame


BUY_BACK = {
    "parcel_id": "buy_back",
    "area_m2": 18_700 / 1.2,
    "far_now": 0.35,
    "far_plan": 1.2,
    "landuse_2023": "100101",
    "build_status": "built",
    "owner_intent": "sell",
    "tenure": "granted",
    "ownership": "state",
    "plan_use_2023": "100101",
}
IDLE = {
    "parcel_id": "idle",
    "area_m2": 48.7 * M2_PER_MU,
    "landuse_2023": "100101",
    "build_status": "not_started",
    "grant_date": "2003-12-31",
    "agreed_finish": "2011-12-02",
}
EXTENSION = {
    "parcel_id": "extension",
    "area_m2": 7198 / 0.25,
    "far_now": 0.95,
    "far_plan": 1.2,
    "landuse_2023": "100101",
    "build_status": "built",
    "owner_intent": "extend",
    "tax_10k_yuan": 3000.0,
}


def judged(frame: pd.DataFrame, rules: str, study_date: date) -> Judged:
    measured = measure(frame, study_date=study_date, far_target=None, max_coverage_share=None)
    return judge(measured, rule_set(rules), estimated_confidence=0.7, grade_reference=None)
