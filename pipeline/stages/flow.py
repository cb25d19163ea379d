"""The flow on one page: what each stage reads, writes and is set by.

This table is the only place where the order of the stages is written down. The engine makes
Snakemake rules of it, `parkgap stages` prints it, and `StageContext` refuses what it does not name.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StageSpec:
    """The contract of one stage.

    `needs` are the stages whose tables it may read, `inputs` the roles of the study file's `inputs`
    section it may open, `settings` the sections it is set by, `outputs` the files it promises
    (inside its own folder, or under `layers:` and `outputs:` for what people open), `families`
    patterns of further outputs, of which there are as many as the data ask for: those that a run
    does not write are removed. `data` are the package files beside its code that its result depends
    on.
    """

    name: str
    zh: str
    en: str
    needs: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    memory_mb: int = 1500


STAGES: tuple[StageSpec, ...] = (
    StageSpec(
        name="ingest",
        zh="读入并核对地点、设施与标准",
        en="read and check places, facilities and standards",
        inputs=(
            "places",
            "line_stations",
            "lines",
            "planned_stations",
            "districts",
            "hubs",
            "hospitals",
            "schools",
            "cells",
            "standards",
            "osm_extract",
            "rail_timetable",
            "district_shapes",
            "township_shapes",
            "boundaries",
            "residents",
            "workers",
            "prices",
        ),
        settings=("study", "inputs", "sources", "timetables", "uncertainty"),
        outputs=(
            "places.parquet",
            "facilities.parquet",
            "ordinary.parquet",
            "line_stations.parquet",
            "planned_stations.parquet",
            "cells.parquet",
            "districts.parquet",
            "lines.parquet",
            "district_names.parquet",
            "hubs.parquet",
            "standards.parquet",
            "sources.parquet",
            "residents.parquet",
            "people_of_places.parquet",
            "entrances.parquet",
            "townships.parquet",
            "prices.parquet",
            "labels.parquet",
        ),
        data=("sources/osm_mapping.yml",),
    ),
    StageSpec(
        name="networks",
        zh="由 OSM 摘录建街道网络，并标明何处足以实测",
        en="build street graphs from the extract and say where they are dense enough",
        needs=("ingest",),
        inputs=("osm_extract",),
        settings=("study", "network"),
        outputs=("streets.parquet", "mapped.parquet", "gates.parquet"),
    ),
    StageSpec(
        name="rail",
        zh="轨道站点覆盖与步行时间",
        en="rail coverage and minutes on foot",
        needs=("ingest", "networks"),
        inputs=("line_stations", "rail_timetable", "residents", "workers"),
        settings=(
            "study",
            "sources",
            "network",
            "rail",
            "timetables",
            "rail_coverage",
            "uncertainty",
            "gaps",
        ),
        outputs=(
            "stations.parquet",
            "rail_stations.parquet",
            "rail_minutes.parquet",
            "station_count.parquet",
            "count_ledger.parquet",
            "units.parquet",
            "areas.parquet",
            "published.parquet",
            "stops.parquet",
            "catchments.parquet",
            "catchment_edges.parquet",
            "gates.parquet",
            "grid.parquet",
            "access.parquet",
            "draws.parquet",
            "nearest.parquet",
        ),
    ),
    StageSpec(
        name="hospitals",
        zh="医院可达性",
        en="access to hospitals",
        needs=("ingest", "networks", "rail"),
        settings=("study", "network", "hospitals", "uncertainty", "gaps"),
        outputs=("access.parquet", "draws.parquet", "inequality.parquet", "nearest.parquet"),
    ),
    StageSpec(
        name="schools",
        zh="学校可达性",
        en="access to schools",
        needs=("ingest", "networks", "rail"),
        settings=("study", "network", "schools", "uncertainty", "gaps"),
        outputs=("access.parquet", "draws.parquet", "inequality.parquet", "nearest.parquet"),
    ),
    StageSpec(
        name="island",
        zh="孤岛效应：内外反差与空间隔离",
        en="island effect: contrast and separation",
        needs=("ingest", "networks", "rail"),
        inputs=("osm_extract", "cells"),
        settings=("study", "sources", "network", "island"),
        outputs=(
            "island.parquet",
            "draws.parquet",
            "ranks.parquet",
            "reasons.parquet",
            "pooled.parquet",
            "donors.parquet",
            "gates.parquet",
            "comparison.parquet",
            "outputs:tables/island_comparison.csv",
        ),
        families=("outputs:figures/island/*.svg",),
        data=("sources/osm_mapping.yml",),
        memory_mb=3000,
    ),
    StageSpec(
        name="parcels",
        zh="低效用地判定与更新潜力",
        en="low-efficiency land and its renewal potential",
        needs=("ingest", "networks", "rail", "hospitals", "schools", "island"),
        inputs=("parcels", "osm_extract"),
        settings=("study", "inputs", "network", "uncertainty", "parcels", "gaps"),
        outputs=(
            "parcels.parquet",
            "minutes.parquet",
            "zones.parquet",
            "findings.parquet",
            "evidence.parquet",
            "totals.parquet",
            "outcomes.parquet",
            "land_and_services.parquet",
            "targets.parquet",
            "checks.parquet",
            "contradictions.parquet",
            "outputs:tables/parcel_findings.csv",
        ),
        data=("sources/parcel_fields.yml", "sources/osm_mapping.yml"),
    ),
    StageSpec(
        name="basic",
        zh="日常服务（学校、诊所、商店）可达性",
        en="access to ordinary schools, clinics and shops",
        needs=("ingest", "networks"),
        settings=("study", "network", "schools", "uncertainty", "gaps"),
        outputs=("access.parquet",),
    ),
    StageSpec(
        name="gaps",
        zh="缺口：需求减供给，分项与综合",
        en="gaps: need minus provision, per service and composite",
        needs=("ingest", "rail", "hospitals", "schools"),
        settings=("study", "rail", "gaps", "uncertainty"),
        outputs=("gaps.parquet", "tiers.parquet"),
    ),
    StageSpec(
        name="synthesis",
        zh="布局与缺口：配对、集聚、选址、区位与文献数字",
        en="layout against gaps: pairs, clusters, sites, locations, documented figures",
        needs=("ingest", "networks", "rail", "parcels", "gaps"),
        inputs=("places", "rings", "carrier_items", "operation", "osm_extract"),
        settings=("study", "sources", "network", "uncertainty", "gaps", "synthesis"),
        outputs=(
            "pairing.parquet",
            "prices.parquet",
            "sectors.parquet",
            "concentration.parquet",
            "cluster_distances.parquet",
            "anchors.parquet",
            "cluster_classes.parquet",
            "siting.parquet",
            "sites.parquet",
            "carrier_status.parquet",
            "rings.parquet",
            "locations.parquet",
            "layout_targets.parquet",
            "contiguity.parquet",
            "retention.parquet",
            "costs.parquet",
            "figure_checks.parquet",
        ),
        data=(
            "sources/osm_mapping.yml",
            "../layers/reference/policy_figures.csv",
            "../layers/reference/documented_checks.yml",
        ),
    ),
    StageSpec(
        name="access",
        zh="可达性长表与宽表、标准对照、公平与匹配",
        en="long and wide table of access, standards, inequality and fit",
        needs=("ingest", "rail", "hospitals", "schools", "basic", "gaps"),
        settings=("study", "gaps", "uncertainty"),
        outputs=(
            "access_long.parquet",
            "comparisons.parquet",
            "fit.parquet",
            "two_tier.parquet",
            "outputs:tables/access_wide.csv",
            "outputs:tables/access_dictionary.md",
        ),
        data=("publish/access_dictionary.yml",),
    ),
    StageSpec(
        name="layers",
        zh="供 QGIS 与研究者使用的图层与表",
        en="layers and tables for QGIS and researchers",
        needs=(
            "ingest",
            "networks",
            "rail",
            "hospitals",
            "schools",
            "island",
            "parcels",
            "gaps",
            "synthesis",
            "access",
        ),
        inputs=(
            "places",
            "line_stations",
            "lines",
            "planned_stations",
            "districts",
            "hubs",
            "hospitals",
            "schools",
            "cells",
            "standards",
            "rail_timetable",
            "district_shapes",
            "osm_extract",
            "parcels",
        ),
        settings=("study", "inputs", "network", "gaps", "maps", "layers"),
        outputs=("layers:parkgap.gpkg", "layers:parkgap.qgz", "layers:parkgap.provenance.json"),
        families=("layers:parquet/*.parquet", "layers:rasters/*.tif", "outputs:tables/*.xlsx"),
        data=("publish/layer_schemas.yml", "publish/analysis_schemas.yml"),
    ),
    StageSpec(
        name="maps",
        zh="规划师打开的地图",
        en="the maps a planner opens",
        needs=(
            "ingest",
            "networks",
            "rail",
            "hospitals",
            "schools",
            "island",
            "parcels",
            "gaps",
            "synthesis",
            "access",
        ),
        inputs=("osm_extract",),
        settings=("study", "network", "island", "gaps", "maps"),
        outputs=("outputs:maps/overview.html",),
        families=(
            "outputs:maps/parks/*.html",
            "outputs:maps/scenario_planned_stations.html",
            "outputs:maps/synthesis.html",
            "outputs:maps/parcels.html",
        ),
        data=("publish/assets/*", "publish/assets/vendor/*"),
    ),
    StageSpec(
        name="report",
        zh="报告、插图与成果目录",
        en="the report, its figures and the front page",
        needs=(
            "ingest",
            "networks",
            "rail",
            "hospitals",
            "schools",
            "island",
            "parcels",
            "gaps",
            "synthesis",
            "access",
            "layers",
            "maps",
        ),
        settings=(
            "study",
            "inputs",
            "sources",
            "network",
            "rail",
            "stations",
            "timetables",
            "rail_coverage",
            "hospitals",
            "schools",
            "uncertainty",
            "island",
            "parcels",
            "gaps",
            "maps",
            "report",
            "layers",
            "synthesis",
        ),
        outputs=("outputs:report.html", "outputs:index.html"),
        families=("outputs:figures/*.svg",),
        data=(
            "publish/templates/*",
            "../layers/reference/contradictions.csv",
            "../layers/reference/policy_figures.csv",
        ),
    ),
)

BY_NAME = {stage.name: stage for stage in STAGES}


def upstream(name: str) -> tuple[str, ...]:
    """List a stage and all it depends on, in the order of the flow."""
    wanted = {name}
    for stage in reversed(STAGES):
        if stage.name in wanted:
            wanted.update(stage.needs)
    return tuple(stage.name for stage in STAGES if stage.name in wanted)
