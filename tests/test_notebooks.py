"""Run every notebook as a reader would, on the built study, and hold it to the public interface."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

from pipeline import api
from tests.built import PROJECT

FOLDER = PROJECT / "notebooks"
NOTEBOOKS = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
#: Numbers that make a notebook quick, in place of those a reader runs.
QUICKER = {"island_calibration": ("CITIES, POWER_CITIES = 20, 8", "CITIES, POWER_CITIES = 3, 1")}


def notebook(name: str) -> Any:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def code_of(name: str) -> str:
    return "\n".join(cell.source for cell in notebook(name).cells if cell.cell_type == "code")


@pytest.fixture(scope="module")
def kernel(embedded: Path) -> Iterator[KernelManager]:
    """Start one kernel that finds this checkout and the built study; notebooks follow in turn."""
    paths = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH", "")]))
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(
        env={**os.environ, "PYTHONPATH": paths, "PARKGAP_WORKSPACE": str(embedded)},
        cwd=str(FOLDER),
    )
    yield manager
    manager.shutdown_kernel(now=True)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_on_the_built_study(name: str, kernel: KernelManager) -> None:
    found = notebook(name)
    if name in QUICKER:
        (cell,) = [cell for cell in found.cells if QUICKER[name][0] in cell.source]
        cell.source = cell.source.replace(*QUICKER[name])
    found.cells.insert(0, nbformat.v4.new_code_cell("%reset -f"))
    client = NotebookClient(found, km=kernel, timeout=300)
    client.execute()
    client.kc.stop_channels()
    printed = "".join(
        output["text"]
        for cell in found.cells
        for output in cell.get("outputs", [])
        if output["output_type"] == "stream"
    )
    assert "Traceback" not in printed
    if name == "island_calibration":
        calibrated(printed)


def calibrated(printed: str) -> None:
    """Hold the binomial test to rejecting far more often than relocations do without an effect."""
    rates = {
        line.rsplit(maxsplit=1)[0].strip(): float(line.split()[-1])
        for line in printed.splitlines()
        if line.startswith(("  relocation", "  binomial"))
    }
    assert rates["binomial inside/outside"] > 2 * rates["relocation, two-sided"]
    assert "90% fewer inside" in printed


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_imports_what_is_public_and_nothing_else(name: str) -> None:
    tree = ast.parse(code_of(name))
    taken = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    own = [node for node in taken if (node.module or "").startswith("pipeline")]
    assert own
    assert {node.module for node in own} == {"pipeline.api"}
    assert {alias.name for node in own for alias in node.names} <= set(api.__all__)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_bilingual_and_keeps_no_output(name: str) -> None:
    found = notebook(name)
    assert not any(cell.get("outputs") for cell in found.cells)
    assert not any(cell.get("execution_count") for cell in found.cells)
    told = [cell.source for cell in found.cells if cell.cell_type == "markdown"]
    assert re.search("[\u4e00-\u9fff]", told[0])
    assert re.search("[A-Za-z]{4}", told[0])
    assert re.search("[\u4e00-\u9fff]", told[0]).start() < re.search("[A-Za-z]{4}", told[0]).start()


def test_the_public_interface_is_listed_once_by_theme() -> None:
    listed = [name for names in api.THEMES.values() for name in names]
    assert sorted(listed) == sorted(api.__all__)
    assert all(hasattr(api, name) for name in listed)
