"""The document of claims names only what is there, and has every claim."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pipeline.documents.coverage import Answer, Result, read_mapping, render_coverage
from pipeline.errors import LayerError, StudyError
from pipeline.sources.reference import read_reference
from pipeline.stages.flow import BY_NAME
from pipeline.workspace import Workspace


def claims() -> list[str]:
    return list(read_reference("requirements")["requirement_id"])


def test_every_claim_has_one_entry_with_a_result_or_a_reason() -> None:
    answers = read_mapping()
    assert sorted(answers) == sorted(claims())
    for name, answer in answers.items():
        assert answer.results or answer.missing_zh, name
        assert (answer.missing_zh is None) == (answer.missing_en is None), name


def test_every_table_is_an_output_that_the_flow_declares() -> None:
    for name, answer in read_mapping().items():
        for result in answer.results:
            stage, _, table = result.table.partition("/")
            if stage != "reference":
                assert table in BY_NAME[stage].outputs, f"{name}: {result.table}"


def test_every_table_column_row_and_file_stands_in_the_built_study(embedded: Path) -> None:
    text = render_coverage(Workspace(embedded, "shanghai"), read_mapping())
    assert [f"## {name} " in text for name in claims()] == [True] * len(claims())


def test_a_built_study_with_the_extract_answers_too(with_extract: Path) -> None:
    assert "## R43 " in render_coverage(Workspace(with_extract, "shanghai"), read_mapping())


def test_what_is_not_there_is_named(embedded: Path) -> None:
    wrong = Answer(
        state="computed",
        results=(
            Result(table="gaps/gaps.parquet", show="{no_such_column}"),
            Result(table="gaps/no_such_table.parquet", show="{gap}"),
            Result(table="gaps/gaps.parquet", where={"place_id": ["Q9"]}, show="{gap}"),
        ),
        files=("outputs:maps/none.html",),
    )
    with pytest.raises(LayerError) as caught:
        render_coverage(Workspace(embedded, "shanghai"), {**read_mapping(), "R01": wrong})
    told = " ".join(str(problem.path) for problem in caught.value.problems)
    assert all(word in told for word in ("no_such_column", "no_such_table", "Q9", "none.html"))


def test_a_missing_or_strange_claim_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.yml"
    path.write_text("R01: {state: computed}\nR99: {state: unheard}\n", encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        read_mapping(path)
    rows = [problem.row for problem in caught.value.problems]
    assert "R02" in rows
    assert rows.count("R99") == 2  # no such claim, and no such state


def test_null_reads_as_a_dash_and_expectations_are_counted(tmp_path: Path) -> None:
    place = Workspace(tmp_path, "shanghai")
    (place.built / "ingest").mkdir(parents=True)
    (place.built / "gaps").mkdir()
    columns = ["role", "name_zh", "name_en", "date"]
    pd.DataFrame(columns=columns).to_parquet(place.built / "ingest" / "sources.parquet")
    pd.DataFrame({"p": ["a", "b"], "gap": [0.25, None], "f": ["gap", None]}).to_parquet(
        place.built / "gaps" / "gaps.parquet"
    )
    one = Answer(
        state="computed",
        results=(Result(table="gaps/gaps.parquet", show="{p} {gap:.1f}", expect={"f": "gap"}),),
    )
    text = render_coverage(place, dict.fromkeys(claims(), one))
    assert "a 0.2; b — — 合乎预期 / as expected: 1/2" in text
