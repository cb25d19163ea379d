"""Run the calibration notebook as a reader would, on fewer cities."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")


@pytest.mark.filterwarnings("default")
def test_the_notebook_runs_and_says_what_it_promises(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = nbformat.read(project / "notebooks" / "island_calibration.ipynb", as_version=4)
    settings = next(cell for cell in notebook.cells if "CITIES, POWER_CITIES" in cell.source)
    assert "CITIES, POWER_CITIES = 20, 8" in settings.source
    settings.source = settings.source.replace("20, 8", "3, 1")
    # The kernel is another process: it has to find the package of this checkout.
    paths = [str(project), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    printed = "".join(
        output["text"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output["output_type"] == "stream"
    )
    rates = {
        line.rsplit(maxsplit=1)[0].strip(): float(line.split()[-1])
        for line in printed.splitlines()
        if line.startswith(("  relocation", "  binomial"))
    }
    assert rates["binomial inside/outside"] > 2 * rates["relocation, two-sided"]
    assert "90% fewer inside" in printed


def test_the_notebook_uses_public_functions_and_keeps_its_outputs_small(project: Path) -> None:
    path = project / "notebooks" / "island_calibration.ipynb"
    notebook = nbformat.read(path, as_version=4)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    imported = [line for line in code.splitlines() if line.startswith("from pipeline")]
    assert imported
    assert not any("import _" in line or "._" in line for line in imported)
    assert path.stat().st_size < 50_000
