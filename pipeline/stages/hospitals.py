"""Measure how far places are from hospitals, by variant and mode."""

from __future__ import annotations

from functools import partial

from pipeline.stages.context import StageContext
from pipeline.stages.facility_access import measured_and_judged, write_measures

SET_BY = ("study.crs", "study.seed", "network", "hospitals", "gaps.bootstrap_draws")


def run(context: StageContext) -> None:
    """Write the access of every place to hospitals and the nearest one's name."""
    measured_and_judged(context, "hospital", partial(_measure, context), set_by=SET_BY)


def _measure(context: StageContext) -> None:
    settings = context.settings("hospitals")
    write_measures(
        context,
        "hospital",
        "hospitals",
        settings,
        by_admission=(),
        screen_radius_m=settings.screen_radius_m,
        radii_m={},
    )
