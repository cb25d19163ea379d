"""Turn the changes of a scenario into another study: other tables, another extract, settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import Problem, StudyError
from pipeline.scenarios.files import (
    AddHospital,
    AddSchool,
    ChangeNeed,
    ChangeSetting,
    ExtendLine,
    OpenGate,
    OpenLine,
    Scenario,
)
from pipeline.settings.inputs import TableInput
from pipeline.sources.reference import reference_tables
from pipeline.sources.role_tables import open_plain
from pipeline.study import Study

Row = dict[str, Any]
ASSUMED = "scenario: hypothetical"


@dataclass
class _Tables:
    """Tables of the study in the making, by role; what a scenario touches is written anew."""

    study: Study
    read: dict[str, pd.DataFrame] = field(default_factory=dict)

    def table(self, role: str) -> pd.DataFrame:
        if role not in self.read:
            source: TableInput | None = getattr(self.study.inputs, role)
            if source is None or source.osm is not None:
                raise StudyError(
                    Problem(
                        zh=f"此研究的“{role}”不是表格，情景无从增补",
                        en=f"the input {role!r} of this study is no table to add to",
                        rule=f"inputs.{role}",
                    )
                )
            self.read[role] = open_plain(source, role=role)
        return self.read[role]

    def add(self, role: str, rows: Sequence[Row]) -> None:
        table = self.table(role)
        known = [{key: row.get(key) for key in table.columns} for row in rows]
        fresh = pd.DataFrame(known, columns=table.columns).astype(table.dtypes.to_dict())
        self.read[role] = pd.concat([table, fresh], ignore_index=True)


def changed_study(scenario: Scenario, study: Study, folder: Path) -> dict[str, Any]:
    """Give the overrides that make a scenario of a study, and write the tables they name.

    Parameters
    ----------
    scenario
        What is different.
    study
        The study as it is.
    folder
        Where changed tables and a changed extract are written.

    Returns
    -------
    Values by dotted path, as :func:`pipeline.study.read_study` takes them.

    Raises
    ------
    StudyError
        A change names a station, line, service or input that the study does not have.
    """
    tables = _Tables(study)
    overrides: dict[str, Any] = {}
    needs = [need.model_dump() for need in study.gaps.needs]
    gates: list[OpenGate] = []
    for number, change in enumerate(scenario.changes):
        if isinstance(change, OpenLine | ExtendLine):
            _open_stations(tables, change)
        elif isinstance(change, AddHospital):
            tables.add("hospitals", [_hospital(change, number)])
        elif isinstance(change, AddSchool):
            tables.add("schools", [_school(change, number)])
        elif isinstance(change, OpenGate):
            gates.append(change)
        elif isinstance(change, ChangeNeed):
            _change_need(needs, change)
            overrides["gaps.needs"] = needs
        elif isinstance(change, ChangeSetting):
            overrides[change.setting] = change.value
    folder.mkdir(parents=True, exist_ok=True)
    for role, table in tables.read.items():
        overrides[f"inputs.{role}"] = _written(role, table, study, folder)
    if gates:
        overrides["inputs.osm_extract"] = str(_with_gates(study, gates, folder))
    return overrides


def _written(role: str, table: pd.DataFrame, study: Study, folder: Path) -> Row:
    """Write a table and say what it is: the licence and date of the one it was made from."""
    path = folder / f"{role}.csv"
    table.to_csv(path, index=False, lineterminator="\n")
    source: TableInput = getattr(study.inputs, role)
    spec = reference_tables().get(source.reference or "")
    return {
        "path": str(path.resolve()),
        "snapshot": source.snapshot or (spec.snapshot if spec else None),
        "licence": source.licence or (spec.licence.name if spec else None),
        "attribution": source.attribution or (spec.licence.attribution if spec else None),
        "precision_m": source.precision_m,
    }


def _open_stations(tables: _Tables, change: OpenLine | ExtendLine) -> None:
    """Bring stations into service: on a line of their own, or in the run of an existing one."""
    lines, planned = tables.table("line_stations"), tables.table("planned_stations")
    stops = [_stop(name, lines, planned) for name in change.stations]
    if isinstance(change, OpenLine):
        if change.line_id in set(lines["line_id"].astype(str)):
            fault = _unknown("line_id", change.line_id, "已存在", "exists; use extend_line")
            raise fault
        line, branch, first = change.line_id, "main", 0
    else:
        run = lines[lines["line_id"].eq(change.line_id) & lines["branch"].eq(change.branch)]
        at = run[run["station_id"].eq(change.at)]
        if at.empty:
            fault = _unknown("at", change.at, "不在此线", f"is not on line {change.line_id}")
            raise fault
        line, branch = str(run["line"].iloc[0]), change.branch
        first = int(at["seq"].iloc[0]) + (change.side == "after")
        stops = stops if change.side == "after" else stops[::-1]
        later = run.index[run["seq"].ge(first)]
        moved = lines["seq"].where(~lines.index.isin(later), lines["seq"] + len(stops))
        tables.read["line_stations"] = lines.assign(seq=moved)
    tables.add(
        "line_stations",
        [
            stop
            | {
                "line_station_id": f"scenario-{change.line_id}-{first + number}",
                "line_id": change.line_id,
                "line": line,
                "branch": branch,
                "seq": first + number,
                "status": "operating",
                "count_role": "outside_official_count",
                "source": ASSUMED,
            }
            for number, stop in enumerate(stops)
        ],
    )
    opened = planned["planned_id"].isin(change.stations)
    tables.read["planned_stations"] = planned[~opened].reset_index(drop=True)


def _stop(name: str, lines: pd.DataFrame, planned: pd.DataFrame) -> Row:
    """Find a station among the planned ones, then among those in operation."""
    found = planned[planned["planned_id"].eq(name)]
    if len(found):
        row = found.iloc[0]
        joined = row.get("interchange_station_id")
        own = joined if isinstance(joined, str) else name.removeprefix("p-").replace("-", "")
        return _named(row) | {"station_id": own}
    found = lines[lines["station_id"].eq(name)]
    if found.empty:
        fault = _unknown("stations", name, "不存在", "is no planned or operating station")
        raise fault
    return _named(found.iloc[0]) | {"station_id": name}


def _named(row: pd.Series[Any]) -> Row:
    return {name: row[name] for name in ("name_zh", "name_en", "lon", "lat")}


def _hospital(change: AddHospital, number: int) -> Row:
    return {
        "campus_id": f"scenario-{number}",
        "hospital_id": f"scenario-{number}",
        "name_zh": change.name_zh,
        "name_en": change.name_en,
        "campus_zh": "新院区",
        "campus_en": "New Campus",
        "grade": change.grade,
        "kind": change.hospital_kind,
        "lon": change.lon,
        "lat": change.lat,
        "basis": ASSUMED,
        "source": ASSUMED,
    }


def _school(change: AddSchool, number: int) -> Row:
    return {
        "school_id": f"99{number:03d}",
        "name_zh": change.name_zh,
        "name_en": change.name_en,
        "level": change.level,
        "ownership": "public",
        "admission_scope": change.admission_scope,
        "admission_district_zh": change.admission_district_zh,
        "lon": change.lon,
        "lat": change.lat,
        "source": ASSUMED,
        **{f"v_{variant}": True for variant in change.variants},
    }


def _change_need(needs: list[Row], change: ChangeNeed) -> None:
    own = [need for need in needs if need["service"] == change.service]
    if not own:
        fault = _unknown("service", change.service, "没有对应的需求", "has no need in gaps.needs")
        raise fault
    for need in own:
        need["threshold"] = change.threshold


def _with_gates(study: Study, gates: Sequence[OpenGate], folder: Path) -> Path:
    """Write the extract anew with one more way for each gate."""
    from pipeline.sources.extract_links import Link, with_links

    extract = study.inputs.osm_extract
    if extract is None:
        raise StudyError(
            Problem(
                zh="开门情景需要街道：研究没有 OSM 摘录",
                en="a gate can only be opened on streets: the study has no OSM extract",
                rule="open_gate",
                remedy_zh="加 --osm FILE",
                remedy_en="add --osm FILE",
            )
        )
    links = [Link(gate.name, gate.start, gate.end) for gate in gates]
    return with_links(
        extract, folder / "extract.osm.pbf", links, snap_max_m=study.network.snap_max_m
    )


def _unknown(rule: str, name: str, zh: str, en: str) -> StudyError:
    """Say that a change names something the study does not have."""
    return StudyError(Problem(zh=f"“{name}”{zh}", en=f"{name!r} {en}", rule=rule))
