"""Many studies at once: what cannot run is told, the rest is delivered, names do not clash."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from pipeline import many
from pipeline.errors import StudyError
from pipeline.many import run_many
from pipeline.workflow.tasks import Task
from tests.built import PROJECT, parkgap

SHANGHAI = PROJECT / "studies" / "shanghai.yml"


def copy_of(study: str, folder: Path) -> Path:
    """Write Shanghai's study under another name."""
    folder.mkdir(exist_ok=True)
    text = SHANGHAI.read_text(encoding="utf-8")
    text = re.sub(r"^  id: .*shanghai.*$", f"  id: {study}", text, count=1, flags=re.MULTILINE)
    path = folder / f"{study}.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_failures_are_told_and_the_rest_is_delivered(
    embedded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The built study stands for one that ran; the engine itself is tested with its tasks."""
    asked: list[Task] = []

    def ran(folder: Path, tasks: list[Task], **_: object) -> set[str]:
        asked.extend(tasks)
        log = folder / "logs" / "north.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("完成 / done  ingest\n错误 / error north: cut short\n", encoding="utf-8")
        return {"shanghai"}

    monkeypatch.setattr(many, "run_tasks", ran)
    broken = tmp_path / "broken.yml"
    broken.write_text("study: {id: broken}\n", encoding="utf-8")
    north = copy_of("north", tmp_path)
    cities = run_many(
        [str(SHANGHAI), str(north), str(broken)], embedded, cores=1, cluster=None, retries=0
    )
    assert [city.state for city in cities] == ["ok", "failed", "failed"]
    assert cities[0].places == 50
    assert cities[1].reason == "错误 / error north: cut short"
    assert "broken.yml" in cities[2].reason
    assert [task.name for task in asked] == ["shanghai", "north"]
    told = pd.read_csv(embedded / "outputs" / "_many" / "cities.csv")
    assert told["study"].tolist() == ["shanghai", "north", "broken"]
    gaps = pd.read_csv(embedded / "outputs" / "_many" / "gaps.csv")
    assert set(gaps["study"]) == {"shanghai"}


def test_two_studies_of_one_name_are_refused(tmp_path: Path) -> None:
    one, other = copy_of("north", tmp_path / "a"), copy_of("north", tmp_path / "b")
    with pytest.raises(StudyError, match="two studies have the id north"):
        run_many([str(one), str(other)], tmp_path, cores=1, cluster=None, retries=0)


def test_the_command_line_exits_with_one_when_a_study_failed(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text("study: {id: broken}\n", encoding="utf-8")
    done = parkgap("many", str(broken), "-w", str(tmp_path), expect=1)
    assert "broken" in done.stderr
    assert "0 studies done, 1 failed" in done.stdout
