"""Say for every layer where it comes from: sources, licence, settings, code, method, limits."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from pipeline.errors import LayerError, Problem
from pipeline.publish.layer_licences import Licence, licence_of, mixed
from pipeline.publish.layer_schemas import LayerSchema

if TYPE_CHECKING:
    import pandas as pd

STAC_VERSION = "1.0.0"
TABLE_EXTENSION = "https://stac-extensions.github.io/table/v1.2.0/schema.json"
PROCESSING_EXTENSION = "https://stac-extensions.github.io/processing/v1.2.0/schema.json"
MEDIA_TYPES = {
    ".gpkg": "application/geopackage+sqlite3",
    ".qgz": "application/x-qgis-project",
    ".parquet": "application/vnd.apache.parquet",
    ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True)
class Reserved:
    """Rows of a source that its licence cannot promise, and why."""

    rows: tuple[str, ...]
    zh: str
    en: str

    def __str__(self) -> str:
        """Name the rows, then the reason in both languages."""
        return f"{', '.join(self.rows)}: {self.zh} / {self.en}"


@dataclass(frozen=True)
class Source:
    """One input of the study: what it is, under which licence, of which date."""

    role: str
    zh: str
    en: str
    licence: str | None
    date: dt.date | None
    attribution: str | None
    origins: tuple[str, ...] = ()
    sha256: str | None = None
    reservations: tuple[Reserved, ...] = ()

    def record(self) -> dict[str, Any]:
        """Give the source as plain data."""
        known = licence_of(self.licence)
        return {
            "role": self.role,
            "title_zh": self.zh,
            "title_en": self.en,
            "licence": known.id,
            "licence_stated": self.licence,
            "licence_url": known.url,
            "attribution": self.attribution,
            "date": None if self.date is None else self.date.isoformat(),
            "origins": list(self.origins),
            "sha256": self.sha256,
            "reservations": [asdict(one) for one in self.reservations],
        }


@dataclass(frozen=True)
class Making:
    """How a stage made its tables: digests of its settings and code, versions of libraries."""

    settings: str
    code: str
    libraries: Mapping[str, str]

    @classmethod
    def of_basis(cls, basis: Mapping[str, Any]) -> Making:
        """Take the making of a stage from what its manifest says that it rests on.

        The section `inputs` holds paths, which differ between machines; the files themselves are
        listed with their hashes among the sources.
        """
        kept = {key: value for key, value in basis["settings"].items() if key != "inputs"}
        text = json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return cls(
            settings=hashlib.sha256(text.encode()).hexdigest(),
            code=basis["code"],
            libraries=dict(basis["libraries"]),
        )


@dataclass(frozen=True)
class Provenance:
    """Where one layer comes from."""

    schema: LayerSchema
    sources: tuple[Source, ...]
    licence: Licence
    makings: Mapping[str, Making]
    rows: int

    @property
    def attributions(self) -> tuple[str, ...]:
        """Whom a derived work has to name."""
        return tuple(sorted({s.attribution for s in self.sources if s.attribution}))

    @property
    def reservations(self) -> tuple[Reserved, ...]:
        """What of the sources the licence of the layer cannot promise."""
        return tuple(one for source in self.sources for one in source.reservations)

    def record(self) -> dict[str, Any]:
        """Give the provenance of the layer as plain data."""
        schema = self.schema
        return {
            "layer": schema.name,
            "schema_version": schema.version,
            "title_zh": schema.zh,
            "title_en": schema.en,
            "about_zh": schema.about[0],
            "about_en": schema.about[1],
            "method_zh": schema.method[0],
            "method_en": schema.method[1],
            "limits_zh": schema.limits[0],
            "limits_en": schema.limits[1],
            "rows": self.rows,
            "licence": self.licence.id,
            "licence_zh": self.licence.zh,
            "licence_en": self.licence.en,
            "licence_url": self.licence.url,
            "attribution": list(self.attributions),
            "reservations": [str(one) for one in self.reservations],
            "sources": [source.record() for source in self.sources],
            "stages": {
                stage: {"settings_sha256": making.settings, "code_sha256": making.code}
                for stage, making in sorted(self.makings.items())
            },
        }


def trace(
    schema: LayerSchema,
    *,
    rows: int,
    sources: Sequence[Source],
    makings: Mapping[str, Making],
    unstated: Literal["mark", "refuse"],
) -> Provenance:
    """Settle what a layer's sources make of it.

    Parameters
    ----------
    schema
        Schema of the layer.
    rows
        Rows it has.
    sources
        The inputs it derives from, directly or through stages.
    makings
        How each stage it derives from was made.
    unstated
        What to do with a source whose licence is not stated, or does not hold for all of its rows.

    Raises
    ------
    LayerError
        When the licences of the sources do not go together; when asked to refuse, a source that
        reserves rows.
    """
    if unstated == "refuse" and (kept := [one for s in sources for one in s.reservations]):
        raise LayerError(*(_reserved(schema.name, one) for one in kept))
    licence = mixed(
        (licence_of(source.licence) for source in sources), layer=schema.name, unstated=unstated
    )
    ordered = tuple(sorted(sources, key=lambda source: source.role))
    return Provenance(schema, ordered, licence, makings, rows)


def _reserved(layer: str, one: Reserved) -> Problem:
    return Problem(
        zh=f"图层 {layer} 含许可未能保证的行：{one.zh}",
        en=f"layer {layer} holds rows that no licence promises: {one.en}",
        path=layer,
        row=", ".join(one.rows),
        rule="layers.unstated_licence",
        remedy_zh="用自己的地点文件换掉这些行，或设 layers.unstated_licence 为 mark",
        remedy_en="replace these rows by a file of places of your own, or set "
        "layers.unstated_licence to mark",
    )


@dataclass(frozen=True)
class Collection:
    """What the whole set of layers is called and covers."""

    id: str
    zh: str
    en: str
    date: dt.date
    bbox: tuple[float, float, float, float]
    version: str


def stac_collection(
    about: Collection, traced: Sequence[Provenance], assets: Mapping[str, str]
) -> dict[str, Any]:
    """Describe all layers as a STAC collection.

    Parameters
    ----------
    about
        What the set is.
    traced
        Provenance of every layer.
    assets
        Path of every file, relative to the collection's own folder, by key.

    Returns
    -------
    JSON-ready dictionary, STAC 1.0.0 with the Table and Processing extensions; the provenance of
    each layer is under ``parkgap:layers``.
    """
    licences = {one.licence.id for one in traced}
    libraries = {
        name: version
        for one in traced
        for making in one.makings.values()
        for name, version in making.libraries.items()
    }
    moment = f"{about.date.isoformat()}T00:00:00Z"
    return {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "stac_extensions": [TABLE_EXTENSION, PROCESSING_EXTENSION],
        "id": f"parkgap-{about.id}",
        "title": f"{about.zh} / {about.en}",
        "description": "园区服务缺口图层 / layers of the service gaps of parks. "
        + " ".join(sorted({text for one in traced for text in one.attributions})),
        "keywords": ["industrial parks", "accessibility", "service gaps"],
        "license": licences.pop() if len(licences) == 1 else "various",
        "providers": [
            {
                "name": "parkgap",
                "roles": ["processor"],
                "processing:software": {
                    "parkgap": about.version,
                    **dict(sorted(libraries.items())),
                },
            }
        ],
        "extent": {
            "spatial": {"bbox": [list(about.bbox)]},
            "temporal": {"interval": [[moment, moment]]},
        },
        "links": [
            {"rel": "license", "href": url, "title": name}
            for name, url in sorted(
                {(one.licence.id, one.licence.url) for one in traced if one.licence.url}
            )
        ],
        "assets": {
            key: {"href": href, "type": _media_type(href), "roles": ["data"]}
            for key, href in sorted(assets.items())
        },
        "table:tables": [
            {
                "name": one.schema.name,
                "description": f"{one.schema.about[0]} / {one.schema.about[1]}",
            }
            for one in traced
        ],
        "parkgap:layers": [one.record() for one in traced],
    }


def _media_type(href: str) -> str:
    suffix = href[href.rfind(".") :]
    return MEDIA_TYPES.get(suffix, "application/octet-stream")


def credit_line(traced: Sequence[Provenance]) -> str:
    """Say on one line whom a map made of these layers has to name, and under which licences."""
    names = sorted({text for one in traced for text in one.attributions})
    licences = {one.licence.id: one.licence for one in traced}
    told = [
        name if one.mixes != "withheld" else f"{one.zh} / {one.en}"
        for name, one in sorted(licences.items())
    ]
    return "；".join([*names, *told])


def metadata_table(traced: Sequence[Provenance]) -> pd.DataFrame:
    """Give one row for each layer: what it is, whose, from what and how, in words."""
    import pandas as pd

    rows = [
        {
            "layer": one.schema.name,
            "title_zh": one.schema.zh,
            "title_en": one.schema.en,
            "about_zh": one.schema.about[0],
            "about_en": one.schema.about[1],
            "rows": one.rows,
            "schema_version": one.schema.version,
            "licence": one.licence.id,
            "attribution": "; ".join(one.attributions),
            "reserved": "; ".join(map(str, one.reservations)),
            "sources": "; ".join(map(_cited, one.sources)),
            "method_zh": one.schema.method[0],
            "method_en": one.schema.method[1],
            "limits_zh": one.schema.limits[0],
            "limits_en": one.schema.limits[1],
            "settings_sha256": _joined({name: m.settings for name, m in one.makings.items()}),
            "code_sha256": _joined({name: m.code for name, m in one.makings.items()}),
        }
        for one in traced
    ]
    texts = [name for name in rows[0] if name != "rows"] if rows else []
    return pd.DataFrame(rows).astype(dict.fromkeys(texts, "string"))


def _cited(source: Source) -> str:
    date = "" if source.date is None else f", {source.date.isoformat()}"
    return f"{source.zh} / {source.en} ({licence_of(source.licence).id}{date})"


def _joined(digests: Mapping[str, str]) -> str:
    """Shorten the digests of the stages as people compare them."""
    return "; ".join(f"{name} {digest[:12]}" for name, digest in sorted(digests.items()))
