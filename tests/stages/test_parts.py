"""A part of a stage stands while all it rests on is as it was, and is computed otherwise."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

from pipeline.basis import last_record
from pipeline.stages.context import StageContext
from pipeline.stages.flow import StageSpec
from pipeline.study import Study, read_study
from pipeline.workspace import Workspace
from tests.built import PROJECT, contents

FIRST = StageSpec("first", "前", "first", outputs=("a.parquet", "b.parquet", "all.parquet"))
SECOND = StageSpec(
    "second",
    "后",
    "second",
    needs=("first",),
    settings=("gaps.cap", "study.seed", "study.crs"),
    families=("outputs:*.csv",),
)


@dataclass
class Small:
    """A stage of parts: `a` and `b` read a table of that name, `c` the basis, `d` nothing.

    Those that do not say what they are made from rest on `all`.
    """

    workspace: Workspace
    tables: dict[str, list[int]] = field(
        default_factory=lambda: {"a": [1, 2], "b": [3], "all": [4]}
    )
    chosen: dict[str, object] = field(default_factory=dict)
    code: str = "1"
    basis: dict[str, str] = field(default_factory=dict)
    words: str = "words"

    def study(self) -> Study:
        """Give the study with what is set otherwise for now."""
        return read_study(PROJECT / "studies" / "shanghai.yml", self.chosen)

    def _first(self) -> None:
        context = StageContext(FIRST, self.study(), self.workspace)
        for name, values in self.tables.items():
            frame = pd.DataFrame({"value": values, "told": [str(self.code)] * len(values)})
            context.put(f"{name}.parquet", frame)
        context.finish({**self.basis, "code": self.code})

    def run(self) -> str:
        """Run both stages and name the parts that were computed."""
        self._first()
        study, computed = self.study(), []
        basis = {"settings": json.loads(study.canonical(*SECOND.set_by)), "code": self.code}
        context = StageContext(SECOND, study, self.workspace)
        if told := last_record(SECOND, self.workspace, basis, {}):
            context.resume(told)
        common = context.frame("first", "all.parquet", ["value"])

        def write(name: str) -> None:
            computed.append(name)
            frame = context.frame("first", f"{name}.parquet", ["value"])
            seed = context.settings("study").seed if name == "b" else 0
            context.notice(f"零件 {name}", f"part {name}")
            with context.writing(f"outputs:{name}.csv") as target:
                frame.assign(all=len(common), seed=seed).to_csv(target)

        def write_basis() -> None:
            computed.append("c")
            with context.writing("outputs:c.csv") as target:
                target.write_text(json.dumps(context.basis("first")), encoding="utf-8")

        context.part("a", lambda: write("a"), set_by=("gaps.cap",))
        context.part("b", lambda: write("b"), set_by=("study.seed",))

        def write_words() -> None:
            computed.append("d")
            with context.writing("outputs:d.csv") as target:
                target.write_text(self.words, encoding="utf-8")

        context.part("c", write_basis)
        context.part("d", write_words, made_from=self.words)
        context.finish(basis, {})
        return "".join(computed)


@pytest.fixture
def small(tmp_path: Path) -> Small:
    found = Small(Workspace(tmp_path, "shanghai"))
    assert found.run() == "abcd"
    return found


def test_what_a_part_reads_is_set_by_and_wrote_decides_alone_whether_it_is_computed(
    small: Small, tmp_path: Path
) -> None:
    """Whatever was left alone, all files and the manifest are those of a run from nothing."""
    assert small.run() == ""
    small.tables["a"] = [1, 7]
    assert small.run() == "a"
    small.chosen["study.seed"] = 5
    assert small.run() == "b"
    small.chosen["gaps.cap"] = 2.0
    assert small.run() == "a"
    small.workspace.output("second", "outputs:b.csv").write_text("altered")
    assert small.run() == "b"
    small.workspace.output("second", "outputs:a.csv").unlink()
    assert small.run() == "a"
    small.basis["settings"] = "others"
    assert small.run() == "c"
    small.tables["all"] = [4, 4]
    assert small.run() == "abc"
    small.words = "others"
    assert small.run() == "d"
    small.code = "2"
    assert small.run() == "abcd"
    assert small.run() == ""
    fresh = Small(
        Workspace(tmp_path / "fresh", "shanghai"),
        small.tables,
        small.chosen,
        "2",
        small.basis,
        "others",
    )
    assert fresh.run() == "abcd"
    after = {name: digest for name, digest in contents(tmp_path).items() if "fresh" not in name}
    assert after == contents(tmp_path / "fresh")
    manifest = json.loads(small.workspace.manifest("second").read_text(encoding="utf-8"))
    assert [notice["en"] for notice in manifest["notices"]] == ["part a", "part b"]


def test_a_part_cannot_ask_for_settings_that_it_does_not_name(small: Small) -> None:
    context = StageContext(SECOND, small.study(), small.workspace)
    with pytest.raises(AssertionError, match=r"does not list 'seed' of IdentitySettings"):
        context.part("a", lambda: context.settings("study").seed, set_by=("study.crs",))
    with pytest.raises(AssertionError, match="'gaps'"):
        context.part("b", lambda: context.settings("gaps").cap, set_by=("study.seed",))
    assert context.settings("gaps").cap


def test_of_a_list_a_part_is_set_by_some_settings_of_some_entries_alone() -> None:
    path = PROJECT / "studies" / "shanghai.yml"
    asked = ("gaps.needs[mode=drive].variant", "gaps.needs[mode=drive].service")

    def told(chosen: dict[str, object]) -> dict[str, object]:
        return read_study(path, chosen).only(asked).portable()

    needs = read_study(path, {}).only(asked).section("gaps").needs
    assert [need.service for need in needs] == ["hospital", "school"]
    with pytest.raises(AssertionError, match="'threshold' of NeedSettings"):
        needs[0].threshold  # noqa: B018 - asking is the test
    assert told({"gaps.needs[service=school].threshold": 16.0}) == told({})
    assert told({"gaps.needs[service=rail].mode": "drive"}) != told({})


def test_parts_do_not_nest(small: Small) -> None:
    context = StageContext(SECOND, small.study(), small.workspace)

    def outer() -> None:
        context.part("b", lambda: None, set_by=())

    with pytest.raises(AssertionError, match="inside another"):
        context.part("a", outer, set_by=())
