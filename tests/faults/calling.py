"""Call the command line in this process, as fast as a function and with its exit code."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from unittest import mock

from pipeline import cli
from pipeline.sources import check_study, osm_mapping, study_inputs


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


def parkgap_here(*arguments: str) -> Ended:
    """Run the command line's own entry point; an error that escapes it escapes here too."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["parkgap", *arguments]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
            return Ended(code, out.getvalue(), err.getvalue())
    return Ended(0, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def quick() -> Iterator[None]:
    """Read what is the same for every call once: embedded points, the mapping, the study area."""
    points = study_inputs.StudyInputs._embedded_points
    kept: list[object] = []

    def embedded(self: study_inputs.StudyInputs) -> object:
        if not kept:
            kept.append(points(self))
        return kept[0]

    with (
        mock.patch.object(study_inputs.StudyInputs, "_embedded_points", embedded),
        mock.patch.object(study_inputs, "read_mapping", cache(osm_mapping.read_mapping)),
        mock.patch.object(check_study, "against_study", _by_study(check_study.against_study)),
    ):
        yield


def _by_study(against: object) -> object:
    known: dict[str, object] = {}

    def cached(plan: object) -> object:
        key = plan.digest()  # type: ignore[attr-defined]
        if key not in known:
            known[key] = against(plan)  # type: ignore[operator]
        return known[key]

    return cached
