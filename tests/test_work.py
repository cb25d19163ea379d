"""No stage does a fifth more work than recorded: counts, not seconds, so that no load disturbs."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from benchmarks.work import Work, counting, excess, measure, read_baseline
from pipeline.engine import execute_stage
from pipeline.network import separation_routes
from pipeline.workspace import Workspace
from tests.built import contents


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Work]:
    """Build the small generated city, once; gives what each stage did too."""
    folder = tmp_path_factory.mktemp("city")
    work = measure(folder)
    (plan,) = folder.glob("workspace/layers/built/*/study.json")
    return Workspace(root=folder / "workspace", study=plan.parent.name), work


def test_no_stage_does_more_work_than_recorded(city: tuple[Workspace, Work]) -> None:
    told = excess(city[1], read_baseline())
    assert not told, "; ".join(told) + " - on purpose? python -m benchmarks.work --write"


def test_an_island_searched_in_parts_says_so_and_writes_the_same_bytes(
    city: tuple[Workspace, Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, before = city[0], contents(city[0].root)
    monkeypatch.setattr(separation_routes, "PAIRS_AT_ONCE", 300)
    execute_stage("island", workspace.plan)
    after = contents(workspace.root)
    differing = {path for path in before if after[path] != before[path]}
    manifest = workspace.manifest("island")
    assert differing == {manifest.relative_to(workspace.root).as_posix()}
    (notice,) = json.loads(manifest.read_text(encoding="utf-8"))["notices"]
    assert re.search(r"searched in \d+ parts of neighbours, with the same results", notice["en"])
    assert re.search(r"已按邻近分 \d+ 批搜索；结果不变", notice["zh"])


def test_a_fifth_more_work_is_told() -> None:
    with counting() as work:
        np.sort(np.arange(130.0))
    assert work["sorted"] == 130
    assert excess({"rail": {"sorted": 130}}, {"rail": {"sorted": 100}}) == [
        "rail: sorted 130, baseline 100 (+30%)"
    ]
    assert excess({"rail": {"sorted": 120}}, {"rail": {"sorted": 100}}) == []
