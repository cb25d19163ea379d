"""Judge the parts of a large parcel table, each by itself, and add up what they give."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.atomic import atomic_path
from pipeline.errors import LayerError, Problem
from pipeline.measures.parcel_partition import evaluate_partition, measure
from pipeline.measures.parcel_totals import add_totals, finish_totals, partial_totals
from pipeline.settings.parcel_rules import RuleSet
from pipeline.sources.parcel_report import FINDINGS
from pipeline.sources.parcel_rules import read_rules
from pipeline.sources.parcels import read_parcels

if TYPE_CHECKING:
    import geopandas as gpd

    from pipeline.study import Study

log = logging.getLogger(__name__)

LEVELS = {"park": "park_id", "zone": "zone_id", "district": "district_zh", "all": "all"}
KINDS = ("indicators", "judged", "totals", "findings")


def measure_part(part: Path, out: Path, study: Study, rules: RuleSet) -> None:
    """Write the indicators that classes are drawn from; only rule sets with grading need this."""
    if rules.grading is None:
        return
    measured = _measured(_read(part, study)[0], study)
    _write(measured[list(rules.grading.weights)], out, "indicators", part)


def judge_part(part: Path, out: Path, study: Study, rules: RuleSet) -> int:
    """Judge one part; needs nothing of the other parts but their indicators, where graded.

    Parameters
    ----------
    part
        File written by `split_parcels`.
    out
        Folder for `judged/`, `totals/` and `findings/`, one file each for every part.
    study
        Supplies `parcels`, `inputs.parcels` (units, columns), the CRS and the study date.
    rules
        The study's rule set, from `study_rules`.

    Returns
    -------
    The number of parcels.
    """
    frame, findings = _read(part, study)
    settings = study.parcels
    reference = None
    if rules.grading is not None:
        reference = pd.concat(map(pd.read_parquet, sorted((out / "indicators").glob("*.parquet"))))
    judged: gpd.GeoDataFrame = evaluate_partition(
        frame,
        rules,
        study_date=study.study.date,
        far_target=settings.far_target,
        max_coverage_share=settings.max_coverage_share,
        estimated_confidence=settings.estimated_confidence,
        grade_reference=reference,
    )
    sums = [
        partial_totals(judged.assign(all="all"), by=column)
        .rename_axis("group")
        .reset_index()
        .assign(level=level)
        for level, column in LEVELS.items()
    ]
    _write(judged, out, "judged", part)
    _write(pd.concat(sums, ignore_index=True), out, "totals", part)
    _write(findings.assign(part=part.stem), out, "findings", part)
    return len(judged)


def combine_parts(out: Path, study: Study) -> pd.DataFrame:
    """Add the sums of all parts, gather their findings, and look for ids in two parts.

    Returns
    -------
    The totals of the whole table, also written to `out/totals.parquet`; the findings are in
    `out/findings.parquet`.

    Raises
    ------
    LayerError
        No part has been judged.
    """
    sums = sorted((out / "totals").glob("*.parquet"))
    if not sums:
        raise LayerError(
            Problem(
                zh="没有已判定的分块",
                en="no part has been judged",
                path=out / "totals",
                remedy_zh="先运行 judge",
                remedy_en="run judge first",
            )
        )
    partial = pd.concat(map(pd.read_parquet, sums))
    least = study.parcels.min_known_share
    tables = [
        finish_totals(
            add_totals([rows.drop(columns="level").set_index("group")]), min_known_share=least
        )
        .rename_axis("group")
        .reset_index()
        .assign(level=level)
        for level, rows in partial.groupby("level", sort=True)
    ]
    whole = pd.concat(tables, ignore_index=True)
    with atomic_path(out / "totals.parquet") as target:
        whole.to_parquet(target, index=False)
    found = [pd.read_parquet(path) for path in sorted((out / "findings").glob("*.parquet"))]
    found.append(_repeated(sorted((out / "judged").glob("*.parquet"))))
    findings = pd.concat(found, ignore_index=True)
    with atomic_path(out / "findings.parquet") as target:
        findings.to_parquet(target, index=False)
    log.info("%d parts, %d findings", len(found) - 1, len(findings))
    return whole


def _repeated(paths: Sequence[Path]) -> pd.DataFrame:
    """List ids that stand in two parts, which no part can see."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    columns = [pq.read_table(path, columns=["parcel_id"])["parcel_id"] for path in paths]
    ids = pa.chunked_array([chunk.cast("large_string") for c in columns for chunk in c.chunks])
    counts = pc.value_counts(ids)
    twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist()
    rows = [
        (
            "duplicate",
            None,
            "id",
            f"宗地编号 {name} 出现在多个分块",
            f"{name} is in two parts",
            None,
        )
        for name in sorted(twice)
    ]
    return pd.DataFrame(rows, columns=[*FINDINGS, "part"], dtype="string")


def study_rules(study: Study) -> RuleSet:
    """Read the rule set of a study with its cut-offs."""
    return read_rules(study.parcels.rules).with_cutoffs(study.parcels.cutoffs)


def _read(part: Path, study: Study) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    given, reading = study.inputs.parcels, study.parcels.reading
    read = read_parcels(
        part,
        working_crs=study.study.crs,
        area_tolerance_share=reading.area_tolerance_share,
        overlap_min_m2=reading.overlap_min_m2,
        broken_cells=reading.broken_cells,
        area_unit=given.area_unit,
        money_unit=given.money_unit,
        datum=given.datum,
        columns={theirs: own for own, theirs in given.columns.items()},
    )
    return read.frame, read.report.findings()


def _measured(frame: pd.DataFrame, study: Study) -> pd.DataFrame:
    return measure(
        frame,
        study_date=study.study.date,
        far_target=study.parcels.far_target,
        max_coverage_share=study.parcels.max_coverage_share,
    )


def _write(frame: pd.DataFrame, out: Path, kind: str, part: Path) -> None:
    folder = out / kind
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / part.name) as target:
        frame.to_parquet(target, index=False)
