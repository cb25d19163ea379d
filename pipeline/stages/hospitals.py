"""Measure how far places are from hospitals, by variant and mode."""

from __future__ import annotations

from pipeline.stages.context import StageContext
from pipeline.stages.facility_access import write_access


def run(context: StageContext) -> None:
    """Write the access of every place to hospitals and the nearest one's name."""
    settings = context.settings("hospitals")
    write_access(
        context,
        "hospital",
        "hospitals",
        settings,
        by_admission=(),
        screen_radius_m=settings.screen_radius_m,
        radii_m={},
    )
