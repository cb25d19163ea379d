"""Bring layout and gaps together: pairs, clusters, sites, locations, documented figures."""

from __future__ import annotations

from pipeline.settings.synthesis import SynthesisSettings
from pipeline.stages.context import StageContext
from pipeline.stages.synthesis_clusters import write_clusters
from pipeline.stages.synthesis_figures import write_figures
from pipeline.stages.synthesis_pairing import write_pairing
from pipeline.stages.synthesis_siting import write_siting


def run(context: StageContext) -> None:
    """Write the tables of the synthesis; a study without a kind of place has empty ones."""
    settings: SynthesisSettings = context.settings("synthesis")
    write_pairing(context, settings)
    write_clusters(context, settings)
    write_siting(context, settings)
    write_figures(context, settings)
