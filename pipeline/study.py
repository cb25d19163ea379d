"""Read a study file, validate it, and say exactly what is wrong with it."""

from __future__ import annotations

import datetime as dt
import difflib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from pipeline.errors import Problem, StudyError
from pipeline.resources import shipped
from pipeline.settings.access import (
    GapSettings,
    HospitalSettings,
    RailCoverageSettings,
    SchoolSettings,
    UncertaintySettings,
)
from pipeline.settings.base import Section, setting
from pipeline.settings.identity import IdentitySettings
from pipeline.settings.inputs import InputSettings
from pipeline.settings.island import IslandSettings
from pipeline.settings.layers import LayerSettings
from pipeline.settings.maps import MapsSettings
from pipeline.settings.messages import mistake
from pipeline.settings.network import NetworkSettings
from pipeline.settings.parcels import ParcelSettings
from pipeline.settings.rail import GtfsSettings, RailSettings, StationSettings
from pipeline.settings.report import ReportSettings
from pipeline.settings.sources import SourceSettings
from pipeline.settings.synthesis import SynthesisSettings
from pipeline.study_overrides import put_overrides
from pipeline.study_yaml import plain_tree, study_text, tree_with_lines

SCHEMA_VERSION = 1
# A longer value is not repeated in a message.
LONGEST_SHOWN = 120


class Study(Section):
    """A whole study: every threshold, speed, ring, seed and source of one city."""

    schema_version: int = setting(
        zh="研究文件格式版本", en="version of the study file format", ge=1, le=SCHEMA_VERSION
    )
    study: IdentitySettings = setting(zh="研究的身份", en="identity of the study")
    inputs: InputSettings = setting(zh="输入数据", en="input data")
    sources: SourceSettings = setting(
        SourceSettings(), zh="读入外部数据的规则", en="rules for reading outside data"
    )
    network: NetworkSettings = setting(NetworkSettings(), zh="街道网络", en="street networks")
    rail: RailSettings = setting(RailSettings(), zh="轨道网络", en="rail network")
    stations: StationSettings = setting(
        StationSettings(), zh="车站状态的判定", en="status and merging of stations"
    )
    timetables: GtfsSettings = setting(GtfsSettings(), zh="时刻表 (GTFS)", en="timetables (GTFS)")
    rail_coverage: RailCoverageSettings = setting(
        RailCoverageSettings(), zh="轨道站点覆盖", en="rail station coverage"
    )
    hospitals: HospitalSettings = setting(
        HospitalSettings(), zh="医院可达性", en="access to hospitals"
    )
    schools: SchoolSettings = setting(SchoolSettings(), zh="学校可达性", en="access to schools")
    uncertainty: UncertaintySettings = setting(
        UncertaintySettings(), zh="位置不确定性", en="positional uncertainty"
    )
    island: IslandSettings = setting(IslandSettings(), zh="孤岛效应", en="island effect")
    parcels: ParcelSettings = setting(ParcelSettings(), zh="地块与更新潜力", en="parcels")
    gaps: GapSettings = setting(GapSettings(), zh="缺口综合", en="gaps and their synthesis")
    synthesis: SynthesisSettings = setting(
        SynthesisSettings(), zh="布局与缺口的综合分析", en="synthesis of layout and gaps"
    )
    layers: LayerSettings = setting(LayerSettings(), zh="图层", en="layers")
    maps: MapsSettings = setting(MapsSettings(), zh="地图", en="maps")
    report: ReportSettings = setting(ReportSettings(), zh="报告", en="report")

    def section(self, name: str) -> Section:
        """Give one section by its name in the study file."""
        section: Section = getattr(self, name)
        return section

    def canonical(self, *paths: str) -> str:
        """Serialise the settings at some paths (all when none is named) to one stable line of JSON.

        A path is a section, a setting (``gaps.cap``) or what `Section.only` takes. A file stands
        there by its name: where it lies is no part of a study, and its content is tracked apart.
        """
        content = (self.only(paths) if paths else self).portable()
        return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    def portable(self) -> Any:  # noqa: ANN401
        """Give the settings as plain JSON values that are the same wherever the study lies."""
        return portable(self.model_dump())

    def digest(self, *paths: str) -> str:
        """Hash the settings at some paths: two studies with one digest compute the same."""
        return hashlib.sha256(self.canonical(*paths).encode()).hexdigest()


def portable(value: Any) -> Any:  # noqa: ANN401
    """Turn settings into plain JSON values that are the same wherever the study lies."""
    if isinstance(value, dict):
        return {str(key): portable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [portable(item) for item in value]
    if isinstance(value, Path):
        return value.name
    return value.isoformat() if isinstance(value, dt.date) else value


def find_study(name: str, *, workspace: Path) -> Path:
    """Find a study by path, or by name in `studies/` of the workspace or the installed package.

    Raises
    ------
    StudyError
        When no such file exists; the message lists the studies there are.
    """
    given = Path(name)
    candidates = [given] if given.suffix in {".yml", ".yaml"} else []
    folders = [workspace / "studies", shipped("studies")]
    candidates += [folder / f"{name}.yml" for folder in folders]
    for path in candidates:
        if path.is_file():
            return path
    known = sorted({path.stem for folder in folders for path in folder.glob("*.yml")})
    near = difflib.get_close_matches(name, known, n=1)
    raise StudyError(
        Problem(
            zh=f"找不到研究“{name}”",
            en=f"there is no study {name!r}",
            path=candidates[0],
            rule="study",
            remedy_zh=f"现有研究：{'、'.join(known) or '无'}"
            + (f"；最接近：{near[0]}" if near else ""),
            remedy_en=f"studies: {', '.join(known) or 'none'}"
            + (f"; nearest match: {near[0]}" if near else ""),
        )
    )


def read_study(
    path: Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    typed: Mapping[str, str] | None = None,
) -> Study:
    """Read and validate a study file.

    Parameters
    ----------
    path
        YAML file, UTF-8, at most 1 MB. Paths inside it are relative to the file.
    overrides
        Values that replace those of the file, keyed by dotted path (``inputs.osm_extract``). An
        input's new origin (``inputs.hospitals.path``) replaces one of another kind, with all that
        the file says of that. One entry of a list is named by what it says of itself:
        ``gaps.needs[service=rail].threshold``.
    typed
        How each override was given (``--set network.walk_speed_m_min=x``), for messages.

    Returns
    -------
    The validated, immutable study; paths are absolute.

    Raises
    ------
    StudyError
        Carries one problem for each wrong key, value, unit or path, with the line it stands on or
        the argument that gave it.
    """
    given = {key: (typed or {}).get(key, key) for key in overrides or {}}
    text = study_text(path)
    plain = plain_tree(path, text)
    given |= put_overrides(plain, overrides or {}, given, Study)
    try:
        return Study.model_validate(plain, context={"base": path.resolve().parent})
    except ValidationError as error:
        tree = tree_with_lines(path, text)
        raise StudyError(
            *(_problem(path, tree, detail, given) for detail in error.errors())
        ) from None


def _argument(location: tuple[int | str, ...], given: Mapping[str, str]) -> str | None:
    """Find the argument that gave a value, or what stands around or below it."""
    dotted = ".".join(str(key) for key in location)
    near = [key for key in given if f"{dotted}.".startswith(f"{key}.")]
    if near:
        return given[max(near, key=len)]
    below = [key for key in given if len(location) > 1 and key.startswith(f"{dotted}.")]
    return " ".join(given[key] for key in below) or None


def _line_of(tree: CommentedMap, location: tuple[int | str, ...]) -> int | None:
    """Find the line (from 1) of the deepest part of a key path that the file contains."""
    node: Any = tree
    line: int | None = None
    for key in location:
        try:
            if isinstance(node, CommentedMap) and key in node:
                line = node.lc.key(key)[0] + 1
            elif isinstance(node, CommentedSeq) and isinstance(key, int):
                line = node.lc.item(key)[0] + 1
            else:
                break
            node = node[key]
        except (KeyError, IndexError, AttributeError, TypeError):
            break
    return line


def model_at(location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Find the settings model that holds the last key of a path."""
    model: type[BaseModel] = Study
    for key in location[:-1]:
        field = model.model_fields.get(str(key))
        if field is None:
            return model if isinstance(key, int) else None
        inner = [
            part
            for part in (field.annotation, *get_args(field.annotation))
            if isinstance(part, type) and issubclass(part, BaseModel)
        ]
        if not inner:
            return None
        model = inner[0]
    return model


def _problem(
    path: Path, tree: CommentedMap, detail: ErrorDetails, given: Mapping[str, str]
) -> Problem:
    """Turn one validation error into a sentence with line, rule, allowed values, nearest match."""
    location = detail["loc"]
    argument = _argument(location, given)
    line = None if argument else _line_of(tree, location)
    dotted = ".".join(str(key) for key in location)
    model = model_at(location)
    known = sorted(model.model_fields) if model is not None else []
    key = str(location[-1]) if location else ""
    told_zh, told_en = mistake(detail["type"], detail["msg"], detail.get("ctx", {}))
    unit = _unit(model, key)
    if unit is not None and detail["type"] in {"float_parsing", "int_parsing"}:
        told_zh, told_en = f"{told_zh}，单位为 {unit}", f"{told_en}; allowed unit: {unit}"
    shown = repr(detail["input"])
    shown = f" {shown} " if len(shown) <= LONGEST_SHOWN else ""
    zh = f"值{shown}无效" + (f"：{told_zh}" if told_zh else "")
    en = f"value {shown.strip()}: {told_en}" if shown else told_en
    remedy_zh = remedy_en = None
    if detail["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        zh, en = f"没有名为“{key}”的设置", f"there is no setting {key!r}"
        remedy_zh = f"可用：{'、'.join(known)}" + (f"；最接近：{near[0]}" if near else "")
        remedy_en = f"allowed: {', '.join(known)}" + (f"; nearest match: {near[0]}" if near else "")
    elif detail["type"] == "missing":
        zh, en = f"缺少必填设置“{key}”", f"the required setting {key!r} is missing"
        remedy_zh, remedy_en = _meaning(model, key)
    else:
        remedy_zh, remedy_en = _meaning(model, key)
    return Problem(
        zh=zh,
        en=en,
        path=argument or path,
        row=None if line is None else f"line {line}",
        rule=dotted,
        remedy_zh=remedy_zh,
        remedy_en=remedy_en,
    )


def _unit(model: type[BaseModel] | None, key: str) -> str | None:
    field = None if model is None else model.model_fields.get(key)
    extra = field.json_schema_extra if field is not None else None
    return str(extra["unit"]) if isinstance(extra, dict) and "unit" in extra else None


def _meaning(model: type[BaseModel] | None, key: str) -> tuple[str | None, str | None]:
    field = None if model is None else model.model_fields.get(key)
    extra = field.json_schema_extra if field is not None else None
    if not isinstance(extra, dict):
        return None, None
    unit = f" [{extra['unit']}]" if "unit" in extra else ""
    return f"{extra['zh']}{unit}", f"{extra['en']}{unit}"


def restore_study(path: Path) -> Study:
    """Read back a resolved study that a run has written (`study.json`).

    Raises
    ------
    StudyError
        When the file is missing or not one that parkgap wrote.
    """
    try:
        return Study.model_validate_json(path.read_bytes(), context={"base": path.parent})
    except (OSError, ValidationError) as error:
        raise StudyError(
            Problem(
                zh="已解析的研究文件缺失或损坏",
                en=f"the resolved study is missing or damaged: {error}",
                path=path,
                remedy_zh="用 parkgap run 重新运行",
                remedy_en="run it again with `parkgap run`",
            )
        ) from error
