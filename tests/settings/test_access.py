"""Hold the rules that the access settings check by themselves."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.settings.access import (
    GapSettings,
    HospitalSettings,
    RailCoverageSettings,
    SchoolSettings,
    UncertaintySettings,
)
from pipeline.settings.decay import StepwiseSettings


@pytest.mark.parametrize(
    ("model", "values", "words"),
    [
        (StepwiseSettings, {"edges_min": (10, 20), "weights": (1.0,)}, "same length"),
        (StepwiseSettings, {"edges_min": (20, 10), "weights": (1.0, 0.5)}, "must rise"),
        (StepwiseSettings, {"edges_min": (10, 20), "weights": (0.5, 1.0)}, "must not rise"),
        (UncertaintySettings, {"robust_share": 0.6, "likely_share": 0.7}, "likely_share"),
        (GapSettings, {"weights": {"rail": 0.0}}, "all zero"),
        (GapSettings, {"weights": {"rail": -1.0, "school": 2.0}}, "negative"),
        (RailCoverageSettings, {"station_extent_m": -1}, "station_extent_m"),
        (UncertaintySettings, {"cells_per_footprint": 200}, "cells_at_most"),
        (HospitalSettings, {"modes": ("helicopter",)}, "modes"),
        (SchoolSettings, {"unknown": 1}, "unknown"),
    ],
)
def test_a_wrong_setting_is_refused(model: type, values: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        model(**values)


@pytest.mark.parametrize(
    "model",
    [RailCoverageSettings, HospitalSettings, SchoolSettings, UncertaintySettings, GapSettings],
)
def test_every_setting_says_what_it_means_in_both_languages(model: type) -> None:
    for name, field in model().__class__.model_fields.items():
        extra = field.json_schema_extra
        assert isinstance(extra, dict), name
        assert extra["zh"], name
        assert extra["en"], name
