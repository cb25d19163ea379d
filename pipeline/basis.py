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
from pipeline.stages.flow import StageSpec
from pipeline.stages.tables_read import digest_now, promised, sha256
from pipeline.workspace import Workspace

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
        "settings": json.loads(study.canonical(*spec.set_by)),
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
    for section, given in study.only(spec.settings).model_dump(exclude={"inputs"}).items():
        found |= _named_files(section, given)
    if any(path.parent == shipped("reference") for path in found.values()):
        found["dictionary"] = shipped("reference") / "tables.yml"
    return found


def source_digests(
    spec: StageSpec, study: Study, known: dict[Path, str] | None = None
) -> dict[str, str]:
    """Hash the files from outside that a stage opens, by role; one that is missing has no hash.

    `known` keeps the hashes for the next stage.
    """
    known = {} if known is None else known
    found = {role: path for role, path in stage_sources(spec, study).items() if path.is_file()}
    for path in found.values():
        if path not in known:
            known[path] = sha256(path)
    return {role: known[path] for role, path in found.items()}


def result_stands(
    spec: StageSpec, workspace: Workspace, basis: dict[str, Any], sources: dict[str, str]
) -> bool:
    """Tell whether a stage would write what it wrote last, byte by byte.

    It would when its basis, the files from outside and every table that it read then are the same,
    though the stages that wrote those tables ran again or wrote other tables too: what it reads
    first is the same, so that what it reads next is. Its own files must be as it left them.
    """
    told = last_record(spec, workspace, basis, sources)
    if told is None or told["basis"] != json.loads(json.dumps(basis)):
        return False
    same = altered_table(workspace, told) is None
    return same and altered_output(spec, workspace, workspace.record(spec.name)) is None


def last_record(
    spec: StageSpec, workspace: Workspace, basis: dict[str, Any], sources: dict[str, str]
) -> dict[str, Any] | None:
    """Read what a stage recorded of its last run; None if code, libraries or sources are others."""
    record = workspace.record(spec.name)
    if not record.is_file():
        return None
    told: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
    now = json.loads(json.dumps(basis))
    fixed = [key for key in now if key != "settings"]
    same = told["sources"] == sources and "parts" in told
    return told if same and all(told["basis"].get(key) == now[key] for key in fixed) else None


def altered_table(workspace: Workspace, told: dict[str, Any]) -> str | None:
    """Name the first table that is no longer as a stage read it, as its manifest tells."""
    promises: dict[str, dict[str, str]] = {}
    for name, was in told.get("read", {}).items():
        stage = name.partition("/")[0]
        if stage not in promises:
            promises[stage] = promised(workspace.manifest(stage))
        if digest_now(workspace, name, promises[stage]) != was:
            return str(name)
    return None


def altered_output(spec: StageSpec, workspace: Workspace, manifest: Path) -> str | None:
    """Name the first file that is not as a manifest says, or the manifest if it cannot be read."""
    try:
        files = promised(manifest)
    except (OSError, ValueError, KeyError):
        return manifest.name
    for name, digest in files.items():
        path = workspace.output(spec.name, name)
        if not path.is_file() or sha256(path) != digest:
            return name
    return None


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
        digest.update(_source(name))
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


@cache
def _source(module: str) -> bytes:
    path = PACKAGE.parent.joinpath(*module.split("."))
    alone = path.with_suffix(".py")
    return (alone if alone.is_file() else path / "__init__.py").read_bytes()
