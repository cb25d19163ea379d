"""What a stage's result rests on: settings, sources, code, libraries."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from pipeline.resources import PACKAGE, shipped
from pipeline.settings.inputs import ParcelInput, TableInput
from pipeline.stages.flow import StageSpec

if TYPE_CHECKING:
    from pipeline.study import Study

# Settings reach the stages as values, which are part of the basis themselves; the table of the
# flow is hashed stage by stage. Neither module may make every stage stale by an edit.
NOT_CODE = ("pipeline.settings", "pipeline.study", "pipeline.stages.flow")


def stage_basis(spec: StageSpec, study: Study) -> dict[str, Any]:
    """Give everything but the upstream tables and the sources' content that a result rests on.

    Two runs with one basis, one set of sources and one set of upstream manifests write the same
    bytes.
    """
    return {
        "settings": _settings_of(spec, study),
        "contract": repr(spec),
        "code": code_digest(spec),
        "libraries": libraries(),
    }


def stage_sources(spec: StageSpec, study: Study) -> dict[str, Path]:
    """Give the files from outside that a stage opens, by role."""
    found: dict[str, Path] = {}
    for role in spec.inputs:
        given = getattr(study.inputs, role)
        if getattr(given, "reference", None) is not None:
            found[role] = shipped("reference") / f"{given.reference}.csv"
            for companion in sorted(shipped("reference").glob(f"{given.reference}_*.csv")):
                found[f"{role}: {companion.name}"] = companion
        else:
            named = given.model_dump() if isinstance(given, BaseModel) else given
            found |= _named_files(role, named)
    for section in spec.settings:
        if section != "inputs":
            found |= _named_files(section, study.section(section).model_dump())
    if any(path.parent == shipped("reference") for path in found.values()):
        found["dictionary"] = shipped("reference") / "tables.yml"
    return found


def _settings_of(spec: StageSpec, study: Study) -> dict[str, Any]:
    """Give the declared sections; of the inputs, only the roles that the stage may open."""
    if not spec.settings:
        return {}
    found: dict[str, Any] = json.loads(study.canonical(*spec.settings))
    for role in list(found.get("inputs", {})):
        opened = isinstance(getattr(study.inputs, role), TableInput | ParcelInput | Path)
        if opened and role not in spec.inputs:
            del found["inputs"][role]
    return found


def _named_files(name: str, value: Any) -> dict[str, Path]:  # noqa: ANN401
    """List the files that settings name, by the path of the setting."""
    if isinstance(value, Path):
        # The parts of a shapefile are files of their own.
        parts = sorted(value.parent.glob(f"{value.stem}.*")) if value.suffix == ".shp" else [value]
        return {name if part == value else f"{name}: {part.name}": part for part in parts}
    if not isinstance(value, dict):
        return {}
    found: dict[str, Path] = {}
    for key, item in value.items():
        found |= _named_files(f"{name}.{key}", item)
    return found


def code_digest(spec: StageSpec) -> str:
    """Hash the source of the stage's module and of every module of the package it imports."""
    root = f"pipeline.stages.{spec.name}"
    graph = import_graph()
    modules = {root} | graph.find_upstream_modules(root)
    kept = sorted(name for name in modules if not name.startswith(NOT_CODE))
    digest = hashlib.sha256()
    for name in kept:
        digest.update(name.encode())
        digest.update(_source(name).read_bytes())
    for pattern in spec.data:
        for path in sorted(PACKAGE.glob(pattern)):
            if path.is_file():
                digest.update(path.relative_to(PACKAGE).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def libraries() -> dict[str, str]:
    """Give the versions of the libraries the project names, as installed."""
    try:
        wanted = requires("parkgap") or []
    except PackageNotFoundError:
        wanted = []
    names = sorted({item.split(";")[0].split(">")[0].split("=")[0].strip() for item in wanted})
    return {name: version(name) for name in names}


@cache
def import_graph() -> Any:  # noqa: ANN401
    """Read which module of the package imports which."""
    import grimp

    return grimp.build_graph("pipeline", cache_dir=None)


def _source(module: str) -> Path:
    path = PACKAGE.parent.joinpath(*module.split("."))
    alone = path.with_suffix(".py")
    return alone if alone.is_file() else path / "__init__.py"
