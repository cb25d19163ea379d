"""Measure how far places are from schools, by variant and mode."""

from __future__ import annotations

from pipeline.stages.context import StageContext
from pipeline.stages.facility_access import write_access


def run(context: StageContext) -> None:
    """Write the access of every place to schools and the nearest one's name."""
    settings = context.settings("schools")
    write_access(
        context,
        "school",
        "schools",
        settings,
        by_admission=settings.by_admission,
        screen_radius_m=None,
        radii_m=settings.service_radius_m,
    )
