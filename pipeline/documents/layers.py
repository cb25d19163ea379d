"""Generate the page that documents every published layer."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.publish.layer_schemas import Column, Domain, LayerSchema, layer_schemas

KINDS = {
    "point": "点 / point",
    "line": "多线 / multi-line",
    "polygon": "多面 / multi-polygon",
    "table": "表 / table",
}
HEADER = """# 图层 / Layers

由 `parkgap docs` 从 `pipeline/publish/*_schemas.yml` 生成，请勿手改。
Generated from `pipeline/publish/*_schemas.yml` by `parkgap docs`; do not edit by hand.

| 文件 / file | 内容 / content |
|---|---|
| `layers/built/<study>/parkgap.gpkg` | 全部图层，EPSG:4326，自带样式、代码表、`metadata` 与 `data_dictionary` 表 / all layers, EPSG:4326, with styles, code lists and the tables `metadata` and `data_dictionary` |
| `layers/built/<study>/parkgap.qgz` | QGIS 3.22 及以上的工程 / project for QGIS 3.22 or newer |
| `layers/built/<study>/parquet/*.parquet` | GeoParquet，每层一个 / one GeoParquet file per layer |
| `layers/built/<study>/rasters/*.tif` | 云优化 GeoTIFF，NaN 为未知 / cloud-optimised GeoTIFF, NaN where unknown |
| `layers/built/<study>/parkgap.provenance.json` | 来源与许可（STAC）/ sources and licences (STAC) |
| `outputs/<study>/tables/*.csv` | UTF-8（带 BOM），空单元格为空值；以 = + - @ 开头的文字前加撇号 / UTF-8 with BOM, empty is null; an apostrophe before texts that begin with = + - @ |

引用：软件见 `CITATION.cff`；图层须写明 `metadata` 表中的署名与许可，`reserved` 列为许可不能保证的行。
Cite the software by `CITATION.cff`; name the attribution and the licence that table `metadata` gives
for a layer; its column `reserved` lists rows that the licence cannot promise.

导出 / export: `parkgap layers --export gpkg|geojson|geoparquet|flatgeobuf|shapefile --crs EPSG:4549`
（CGCS2000 各带均可 / any CGCS2000 zone）。丢失的内容逐项说明 / what a format loses is told.

空值不是零；`status` 说明为何为空。`method` 区分街道实测与直线估算。
Null is not zero; `status` says why. `method` tells measured on streets from straight-line estimates.

版本：删列、改类型或单位、必填变可空升主版本；增列、增代码升次版本；措辞升修订号。
Versions: major when a column goes, changes type or unit, or may newly be null; minor when a column
or a code is added; patch for wording.
"""  # noqa: E501 - rows of a Markdown table

OF_STUDY = (
    "研究自己的代码表：别的城市可用别的代码，名称写在研究文件的 `inputs.labels`；"
    "以下为未写时的名称。\n"
    "The study's own list: a city may use other codes, named in `inputs.labels` of its study file; "
    "below is what codes are called where it is silent."
)


def render_layers() -> str:
    """Render the documentation of all layers as Markdown."""
    schemas = list(layer_schemas().values())
    parts = [HEADER, *(_layer(schema) for schema in schemas), _domains(schemas)]
    return "\n".join(parts)


def _layer(schema: LayerSchema) -> str:
    key = ", ".join(f"`{name}`" for name in schema.key)
    head = [
        f"## `{schema.name}` {schema.zh} / {schema.en}",
        "",
        f"{schema.about[0]}",
        f"{schema.about[1]}",
        "",
        f"* {KINDS[schema.kind]}；版本 / version {schema.version}；主键 / key {key}",
        f"* 方法 / method: {schema.method[0]} {schema.method[1]}",
        f"* 局限 / limits: {schema.limits[0]} {schema.limits[1]}",
        "",
        "| 列 / column | 类型 / type | 单位 / unit | 可空 / null | 含义 / meaning |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *(_row(column) for column in schema.columns), ""])


def _row(column: Column) -> str:
    kind: str = column.type
    if column.domain is not None:
        kind = f"{kind}, [{column.domain.name}](#{column.domain.name})"
    cells = [
        f"`{column.name}`",
        kind,
        column.unit or "",
        "✓" if column.nullable else "",
        f"{column.zh} / {column.en}",
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _domains(schemas: list[LayerSchema]) -> str:
    used = {
        column.domain.name: column.domain
        for schema in schemas
        for column in schema.columns
        if column.domain is not None
    }
    parts = ["## 代码表 / Code lists", ""]
    for name in sorted(used):
        parts += [f"### {name}", "", *([OF_STUDY, ""] if used[name].of_study else [])]
        parts += ["| 代码 / code | 中文 | English |", "|---|---|---|"]
        parts += [*_codes(used[name]), ""]
    return "\n".join(parts)


def _codes(domain: Domain) -> Iterator[str]:
    for code, (zh, en) in domain.labels.items():
        yield f"| `{code}` | {zh} | {en} |"
