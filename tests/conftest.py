"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

from tests.built import PROJECT, build_once
from tests.pages import chromium, open_offline

# One browser for all tests of a worker, whichever folder they are in.
__all__ = ["chromium", "open_offline"]
from tests.second_city import build_porto_alegre

# No test is timed: the first call of a compiled search may have to compile it.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def required_in_ci(reason: str) -> None:
    """Skip with the reason on a person's machine; fail where CI promises the tool or the data."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"required in CI: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def project() -> Path:
    """Give the root of the checkout."""
    return PROJECT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Give the folder of real data that lies beside the checkout."""
    folder = Path(os.environ.get("PARKGAP_SHARED", PROJECT.parent / "shared"))
    if not (folder / "data").is_dir():
        required_in_ci(f"real data folder {folder} is absent (set PARKGAP_SHARED)")
    return folder


@pytest.fixture(scope="session")
def extract(shared: Path) -> Path:
    """Give the OSM extract of Shanghai, whose streets cover two places only."""
    return shared / "data" / "shanghai" / "shanghai_sample.osm.pbf"


@pytest.fixture(scope="session")
def all_workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder that all test workers share; PARKGAP_BUILDS keeps what is built there."""
    if kept := os.environ.get("PARKGAP_BUILDS"):
        return Path(kept).resolve()
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def embedded(all_workers: Path) -> Path:
    """Build Shanghai from the embedded tables alone; gives the workspace."""
    return build_once(all_workers / "embedded", [])


@pytest.fixture(scope="session")
def with_extract(all_workers: Path, extract: Path) -> Path:
    """Build Shanghai with the OSM extract; gives the workspace."""
    return build_once(all_workers / "with_extract", ["--osm", str(extract)])


@pytest.fixture(scope="session")
def porto_alegre(all_workers: Path, shared: Path) -> Path:
    """Build the second study; gives the workspace."""
    return build_porto_alegre(all_workers, shared)
