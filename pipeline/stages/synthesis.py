"""Bring layout and gaps together: pairs, clusters, sites, locations, documented figures."""

from __future__ import annotations

from pipeline.settings.synthesis import SynthesisSettings
from pipeline.stages.context import StageContext
from pipeline.stages.synthesis_carriers import write_carriers
from pipeline.stages.synthesis_clusters import write_clusters
from pipeline.stages.synthesis_documents import write_documents
from pipeline.stages.synthesis_land import write_land
from pipeline.stages.synthesis_locations import write_locations
from pipeline.stages.synthesis_pairing import write_pairing
from pipeline.stages.synthesis_siting import write_siting
from pipeline.stages.synthesis_tables import located_places


def run(context: StageContext) -> None:
    """Write the tables of the synthesis; a study without a kind of place has empty ones."""
    settings: SynthesisSettings = context.settings("synthesis")
    places = located_places(context)
    write_pairing(context, places, settings)
    write_clusters(context, places, settings)
    write_siting(context, places, settings)
    write_land(context, settings)
    write_carriers(context, places, settings)
    targets = write_locations(context, places, settings)
    write_documents(context, targets, places, settings)
