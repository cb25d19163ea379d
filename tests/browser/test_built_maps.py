"""Open every map that a run has built: nothing may be requested, nothing may fail."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.pages import PHONE, Open

pytestmark = pytest.mark.browser

OUTPUTS = "PARKGAP_OUTPUTS"
BUDGET_BYTES = 5_000_000


def built_maps() -> list[Path]:
    """List the maps under the folder that PARKGAP_OUTPUTS names; none when it names none."""
    folder = os.environ.get(OUTPUTS)
    return sorted(Path(folder).rglob("maps/**/*.html")) if folder else []


def test_there_are_maps_where_they_were_promised() -> None:
    if OUTPUTS not in os.environ:
        pytest.skip(f"set {OUTPUTS} to the outputs of a run to check its maps")
    assert built_maps(), os.environ[OUTPUTS]


@pytest.mark.parametrize("path", built_maps(), ids=lambda path: path.stem)
def test_a_built_map_is_one_quiet_file(open_offline: Open, path: Path) -> None:
    assert path.stat().st_size < BUDGET_BYTES
    for size in ((1440, 900), PHONE):
        watch = open_offline(path, size=size)
        watch.page.wait_for_timeout(300)
        assert watch.page.evaluate("document.documentElement.scrollWidth") <= size[0]
        watch.assert_quiet()
