"""Tell what each input of the study is, for the provenance of layers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pipeline.publish.provenance import Making, Reserved, Source
from pipeline.sources.reference import reference_tables
from pipeline.stages.context import StageContext
from pipeline.stages.tables_read import sha256

OSM = "© OpenStreetMap contributors"


def sources(context: StageContext) -> dict[str, Source]:
    """Give every input the study has, by role."""
    found = {}
    for role in context.spec.inputs:
        source = _extract(context) if role == "osm_extract" else _table(context, role)
        if source is not None:
            found[role] = source
    return found


def makings(context: StageContext, stages: Iterable[str]) -> dict[str, Making]:
    """Read from the manifests how the given stages made their tables."""
    return {stage: Making.of_manifest(context.manifest(stage)) for stage in stages}


def _table(context: StageContext, role: str) -> Source | None:
    given = context.input(role)
    if given is None:
        return None
    if isinstance(given, Path):
        return _file(role, given, None)
    reference = getattr(given, "reference", None)
    if reference is None:
        return _file(role, given.path, given) if given.path is not None else _made(role)
    spec = reference_tables()[reference]
    return Source(
        role=role,
        zh=spec.title_zh,
        en=spec.title_en,
        licence=spec.licence.name,
        date=given.snapshot or spec.snapshot,
        attribution=spec.licence.attribution,
        origins=spec.sources,
        reservations=tuple(Reserved(one.rows, one.zh, one.en) for one in spec.reservations),
    )


def _file(role: str, path: Path, given: object) -> Source:
    """Describe a file of the user's by what the study declares of it; its folder is nobody's."""
    return Source(
        role=role,
        zh=path.name,
        en=path.name,
        licence=getattr(given, "licence", None),
        date=getattr(given, "snapshot", None),
        attribution=getattr(given, "attribution", None),
        sha256=sha256(path),
    )


def _made(role: str) -> Source | None:
    """Describe what the project makes itself where the study gives nothing: parcels to show."""
    if role != "parcels":
        return None
    return Source(
        role=role,
        zh="合成示例地块（非真实地块）",
        en="synthetic parcels for demonstration (not real)",
        licence="MIT",
        date=None,
        attribution=None,
    )


def _extract(context: StageContext) -> Source | None:
    path = context.extract()
    if path is None:
        return None
    return Source(
        role="osm_extract",
        zh=f"OpenStreetMap 摘录 {path.name}",
        en=f"OpenStreetMap extract {path.name}",
        licence="ODbL-1.0",
        date=None,
        attribution=OSM,
        sha256=sha256(path),
    )
