"""Tell what each input of the study is, for the provenance of layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from pipeline.publish.layer_recipes import Recipe
from pipeline.publish.layer_schemas import LayerSchema
from pipeline.publish.provenance import Making, Provenance, Reserved, Source, trace
from pipeline.sources.reference import TableSpec, reference_tables
from pipeline.stages.context import StageContext
from pipeline.stages.flow import upstream
from pipeline.stages.tables_read import sha256

OSM = "© OpenStreetMap contributors"


def sources(context: StageContext) -> dict[str, Source]:
    """Give every input the study has, by role."""
    found, references = {}, cache(reference_tables)
    for role in context.spec.inputs:
        source = _extract(context) if role == "osm_extract" else _table(context, role, references)
        if source is not None:
            found[role] = source
    return found


class Origins:
    """Where the layers of a study come from.

    Parameters
    ----------
    context
        Of the stage.
    given
        Every input the study has, by role.
    """

    def __init__(self, context: StageContext, given: Mapping[str, Source]) -> None:
        self.given = given
        self._context = context
        self._makings: dict[str, Making] = {}

    def trace(self, recipe: Recipe, schema: LayerSchema, rows: int) -> Provenance:
        """Say where one layer comes from; a part that asks rests on what the stages rest on."""
        return trace(
            schema,
            rows=rows,
            sources=[self.given[role] for role in recipe.roles if role in self.given],
            makings={stage: self._making(stage) for stage in sorted(behind(recipe))},
            unstated=self._context.settings("layers").unstated_licence,
        )

    def _making(self, stage: str) -> Making:
        basis = self._context.basis(stage)
        if stage not in self._makings:
            self._makings[stage] = Making.of_basis(basis)
        return self._makings[stage]


def behind(recipe: Recipe) -> set[str]:
    """Name the stages that a layer rests on, from the first."""
    return {name for stage in recipe.stages for name in upstream(stage)}


def _table(
    context: StageContext, role: str, references: Callable[[], dict[str, TableSpec]]
) -> Source | None:
    given = context.input(role)
    if given is None:
        return None
    if isinstance(given, Path):
        return _file(role, given, None)
    reference = getattr(given, "reference", None)
    if reference is None:
        return _file(role, given.path, given) if given.path is not None else _made(role)
    spec = references()[reference]
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
