"""Measure how far places are from schools, by variant and mode."""

from __future__ import annotations

from functools import partial

from pipeline.stages.context import StageContext
from pipeline.stages.facility_access import measured_and_judged, write_measures

SET_BY = ("study.crs", "study.seed", "network", "schools", "gaps.bootstrap_draws")


def run(context: StageContext) -> None:
    """Write the access of every place to schools and the nearest one's name."""
    measured_and_judged(context, "school", partial(_measure, context), set_by=SET_BY)


def _measure(context: StageContext) -> None:
    settings = context.settings("schools")
    write_measures(
        context,
        "school",
        "schools",
        settings,
        by_admission=settings.by_admission,
        screen_radius_m=None,
        radii_m=settings.service_radius_m,
    )
