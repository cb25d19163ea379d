"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]


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
