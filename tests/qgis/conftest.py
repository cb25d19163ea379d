"""Show built layers to the QGIS of the system, once."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import required_in_ci

PYTHON = "/usr/bin/python3"
LOOK = Path(__file__).with_name("look.py")


def look(gpkg: Path, qgz: Path | None, folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """Open the files in QGIS and give what it saw; pictures are left in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "QT_QPA_PLATFORM": "offscreen",
        "LC_ALL": "C.UTF-8",
    }
    if subprocess.run(
        [PYTHON, "-c", "import qgis.core"], capture_output=True, check=False, env=environment
    ).returncode:
        required_in_ci("QGIS with Python is absent (Debian: qgis python3-qgis)")
    done = subprocess.run(
        [PYTHON, str(LOOK), str(gpkg), str(qgz or ""), str(folder), ",".join(names)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    seen: dict[str, Any] = json.loads((folder / "seen.json").read_text(encoding="utf-8"))
    return seen


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the pictures that QGIS draws."""
    return tmp_path_factory.mktemp("qgis")


@pytest.fixture(scope="session")
def built(embedded: Path) -> Path:
    """Give the folder of the embedded study's layers."""
    return embedded / "layers" / "built" / "shanghai"
