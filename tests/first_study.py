"""The settings of the first study, for tests on the facts of its city."""

from __future__ import annotations

from pipeline.study import read_study
from tests.built import PROJECT

SHANGHAI = read_study(PROJECT / "studies" / "shanghai.yml")
