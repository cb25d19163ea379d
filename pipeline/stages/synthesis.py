"""Bring layout and gaps together: pairs, clusters, sites, locations, documented figures."""

from __future__ import annotations

from functools import partial

import geopandas as gpd

from pipeline.stages.context import StageContext
from pipeline.stages.synthesis_carriers import write_carriers
from pipeline.stages.synthesis_clusters import write_clusters
from pipeline.stages.synthesis_documents import write_documents
from pipeline.stages.synthesis_land import write_land
from pipeline.stages.synthesis_locations import write_locations
from pipeline.stages.synthesis_pairing import write_pairing
from pipeline.stages.synthesis_siting import write_siting
from pipeline.stages.synthesis_tables import located_places

CENTRE = ("study.crs", "study.centre_lon", "study.centre_lat")
# Every part and what it is set by. A changed gap moves sites and nothing else.
PARTS = {
    write_pairing: (
        "study.crs",
        "study.seed",
        "network",
        "synthesis.pairing",
        "synthesis.sectors",
    ),
    write_clusters: (
        *CENTRE,
        "study.seed",
        "sources.osm_mapping",
        "network",
        "uncertainty.interval_share",
        "synthesis.clusters",
    ),
    write_siting: ("study.crs", "network", "gaps.needs", "synthesis.siting"),
    write_carriers: ("synthesis.pairing.carrier_tier",),
}


def run(context: StageContext) -> None:
    """Write the tables of the synthesis; a study without a kind of place has empty ones."""
    places = located_places(context)
    for write, set_by in PARTS.items():
        name = write.__name__.removeprefix("write_")
        context.part(name, partial(write, context, places), set_by=set_by)
    context.part("land", partial(write_land, context), set_by=("study.crs", "synthesis.land"))
    context.part(
        "locations",
        partial(_write_locations_and_documents, context, places),
        set_by=(
            *CENTRE,
            "study.seed",
            "uncertainty.interval_share",
            "synthesis.pairing.draws",
            "synthesis.central_km",
            "synthesis.near_km",
            "synthesis.tolerance_share",
        ),
    )


def _write_locations_and_documents(context: StageContext, places: gpd.GeoDataFrame) -> None:
    targets = write_locations(context, places)
    write_documents(context, targets, places)
