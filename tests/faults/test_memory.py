"""The measured city is as large as its name says, and no stage of it held more than the limit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.city.plane import read_parameters, with_pois
from benchmarks.city.study import write_city
from pipeline.stages.flow import STAGES
from tests.faults.memory import POIS, RECORD, STREET_NODES, label_of, things_of
from tests.faults.report import LIMIT_MB


def test_the_large_city_holds_the_limit_at_every_stage() -> None:
    told = json.loads(RECORD.read_text(encoding="utf-8"))[label_of(1.0, POIS)]
    assert told["street_nodes"] >= STREET_NODES
    assert told["pois"] >= POIS
    assert set(told["peak_mb"]) == {stage.name for stage in STAGES}
    over = {name: peak for name, peak in told["peak_mb"].items() if peak > LIMIT_MB}
    assert not over
    assert not told["code"].endswith("dirty")


def test_more_points_of_interest_leave_the_rest_of_the_city_alone(tmp_path: Path) -> None:
    found = {}
    for pois in (360_000, 1_000_000):
        write_city(tmp_path / str(pois), 0.012, pois=pois)
        found[pois] = things_of(tmp_path / str(pois) / "city.osm.pbf")
        assert found[pois]["pois"] == pytest.approx(pois * 0.012, rel=0.01)
    assert {things["buildings"] for things in found.values()} == {7680}


def test_kinds_that_fill_up_grow_in_proportion_and_the_others_stay() -> None:
    given = read_parameters()
    grown = with_pois(given, 1_000_000)["pois"]
    assert sum(kind["count"] for kind in grown) == pytest.approx(1_000_000, abs=8)
    for before, after in zip(given["pois"], grown, strict=True):
        times = 3.0025 if before.get("fills") else 1.0
        assert after["count"] == pytest.approx(before["count"] * times, rel=1e-4)
    assert with_pois(given, 360_000)["pois"] == given["pois"]
    with pytest.raises(ValueError, match="fewer than the 40402"):
        with_pois(given, 1000)
