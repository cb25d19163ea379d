"""The same study gives the same bytes wherever and however it runs, and asks nothing of anyone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
from openpyxl import load_workbook

from pipeline.spreadsheet import FORMULA_STARTS
from pipeline.stages.flow import BY_NAME, STAGES
from pipeline.workflow.client import SOCKET
from pipeline.workspace import Workspace
from tests.built import PROJECT, contents, parkgap
from tests.faults.corpus_tables import mini
from tests.faults.whole import run_all, small_study
from tests.pages import Open

WATCHING = Path(__file__).parent / "watching"
PLAIN = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "2"}
# Another language, an encoding without Chinese, the other side of the date line, other hashes.
STRANGE = {
    "LC_ALL": "C",
    "LANG": "tr_TR.UTF-8",
    "LANGUAGE": "zh_CN",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONUTF8": "0",
    "TZ": "Pacific/Kiritimati",
    "PYTHONHASHSEED": "4242",
    "OMP_NUM_THREADS": "1",
}


# Files that tell the digest of each input file; the files of mixed rows have others.
NAMES_INPUTS = {"study.json", "manifest.json", "parkgap.gpkg", "parkgap.provenance.json"}


@dataclass(frozen=True)
class Ran:
    """A workspace and what its processes asked of others."""

    root: Path
    asked: list[str]


def _start(
    folder: Path, env: dict[str, str], *, mixed: bool, cores: set[int]
) -> subprocess.Popen[str]:
    study = small_study(folder / "study", mixed=mixed)
    (folder / "asked.txt").touch()
    paths = os.pathsep.join([str(WATCHING), str(PROJECT)])
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.whole", str(study), str(folder / "ws")],
        cwd=PROJECT,
        env={**os.environ, **env, "PYTHONPATH": paths, "PARKGAP_WATCH": str(folder / "asked.txt")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        preexec_fn=lambda: os.sched_setaffinity(0, cores),  # noqa: PLW1509 - before any thread
    )


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, Ran]:
    """Run the small study twice at once: plainly on all cores, and strangely on one."""
    cores = os.sched_getaffinity(0)
    folders = [tmp_path_factory.mktemp(name) for name in ("plain", "strange")]
    running = [
        _start(folders[0], PLAIN, mixed=False, cores=cores),
        _start(folders[1], STRANGE, mixed=True, cores={min(cores)}),
    ]
    for process in running:
        said, _ = process.communicate()
        assert process.returncode == 0, said[-4000:]
    plain, strange = (
        Ran(folder / "ws", (folder / "asked.txt").read_text(encoding="utf-8").splitlines())
        for folder in folders
    )
    return plain, strange


def _table(path: Path) -> pd.DataFrame:
    """Read a table without what its file says of where it came from."""
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype=str)


def test_bytes_do_not_depend_on_language_clock_hashes_cores_or_row_order(
    both: tuple[Ran, Ran],
) -> None:
    """What names the input files by their digest may differ in that; tables may in nothing."""
    plain, strange = (contents(ran.root) for ran in both)
    assert sorted(plain) == sorted(strange)
    kinds = {Path(name).suffix for name in plain}
    assert {".parquet", ".csv", ".html", ".gpkg", ".qgz", ".tif", ".svg", ".xlsx"} <= kinds
    assert len([name for name in plain if name.endswith("manifest.json")]) == len(STAGES)
    differ = {name for name in plain if plain[name] != strange[name]}
    tables = {name for name in differ if name.endswith((".parquet", ".csv"))}
    for name in tables:
        assert _table(both[0].root / name).equals(_table(both[1].root / name)), name
    assert not {name for name in tables if "/parquet/" not in name}
    assert {Path(name).name for name in differ - tables} <= NAMES_INPUTS


# One after the other, with the stages that may write anew for it and the parts of them; every
# other one must stand.
CHANGES: tuple[tuple[dict[str, object], set[str], set[str]], ...] = (
    (
        {"gaps.dirichlet_concentration": 2.0, "gaps.cap": 2.0},
        {"gaps", "synthesis"},
        {"synthesis/siting"},
    ),
    (
        {"gaps.needs[service=rail].threshold": 25.0},
        {"rail", "parcels", "gaps", "synthesis", "access"},
        {"rail/findings", "parcels/services", "synthesis/siting", "access/tables"},
    ),
    (
        {"hospitals.catchment_min": 25.0},
        {"hospitals", "access"},
        {"hospitals/measures", "hospitals/findings", "access/tables", "access/figures"},
    ),
    (
        {"parcels.synthetic.parcels": 400},
        {"parcels", "synthesis"},
        {"parcels/judged", "parcels/minutes", "parcels/services", "synthesis/land"},
    ),
    ({"synthesis.clusters.anchor_m": 900.0}, {"synthesis"}, {"synthesis/clusters"}),
    ({"island.alpha": 0.2}, {"island"}, {"island/claims"}),
    ({"synthesis.near_km": 37.0}, {"synthesis"}, {"synthesis/locations"}),
)
IN_PARTS = ("rail", "hospitals", "schools", "island", "parcels", "synthesis", "access")
LAST = ("layers", "maps", "report", "index")


def _stamps(workspace: Workspace, stage: str) -> dict[str, list[int]]:
    """Give when the files of each part of a stage were written."""
    parts = json.loads(workspace.manifest(stage).read_text(encoding="utf-8"))["parts"]
    return {
        name: [workspace.output(stage, file).stat().st_mtime_ns for file in part["files"]]
        for name, part in parts.items()
    }


@pytest.mark.filterwarnings("default")
def test_a_run_after_changed_settings_writes_what_a_run_from_nothing_does(
    both: tuple[Ran, Ran], tmp_path: Path
) -> None:
    """What stands because nothing that it reads has changed is what it would have become."""
    study = small_study(tmp_path / "study", mixed=False)
    values: dict[str, object] = {}
    fresh, after = tmp_path / "fresh", Workspace(tmp_path / "after", "shanghai")
    shutil.copytree(both[0].root, after.root)
    for change, may_write, may_write_parts in CHANGES:
        before = {name: after.record(name).stat().st_mtime_ns for name in BY_NAME}
        in_parts = {stage: _stamps(after, stage) for stage in IN_PARTS}
        values |= change
        run_all(study, after.root, values, if_changed=True, but=LAST)
        wrote = {name for name in before if after.record(name).stat().st_mtime_ns != before[name]}
        assert wrote
        assert wrote <= may_write, change
        wrote_parts = {
            f"{stage}/{part}"
            for stage, parts in in_parts.items()
            for part, stamp in _stamps(after, stage).items()
            if stamp != parts[part]
        }
        assert wrote_parts <= may_write_parts, change
    stamps, covered = _stamps(after, "layers"), _stamps(after, "report")["coverage"]
    run_all(study, after.root, values, if_changed=True)
    kept = {layer for layer, stamp in _stamps(after, "layers").items() if stamp == stamps[layer]}
    assert {"places", "cells", "rail_lines", "standards", "minutes, walk"} <= kept
    # These rows are the same; that another threshold of rail was set shows in their provenance.
    assert {"stations", "rail_minutes"} <= kept
    assert not {"stations, published", "rail_minutes, published"} & kept
    assert not {"gaps", "access", "parcels", "minutes_rail", "geopackage"} & kept
    assert _stamps(after, "report")["coverage"] == covered
    run_all(study, fresh, values)
    assert contents(after.root) == contents(fresh)


def _harmless(line: str) -> bool:
    """Tell what a library asks of the machine itself when it is imported."""
    # urllib3 tries whether this machine knows IPv6; `platform` asks for the processor's name.
    return ("socket.bind" in line and "'::1', 0" in line) or "['uname', '-p']" in line


def test_no_stage_opens_a_connection_or_starts_a_program(both: tuple[Ran, Ran]) -> None:
    for ran in both:
        assert [line for line in ran.asked if not _harmless(line)] == []


def test_a_run_starts_its_stages_and_nothing_else(tmp_path: Path) -> None:
    """One shell for each stage, around the command a person can type, and one process for forks."""
    asked = tmp_path / "asked.txt"
    asked.touch()
    paths = os.pathsep.join([str(WATCHING), str(PROJECT)])
    study = mini(tmp_path)
    parkgap(
        *("stage", "ingest", "-s", str(study), "-w", str(tmp_path / "ws")),
        env={"PYTHONPATH": paths, "PARKGAP_WATCH": str(asked)},
    )
    lines = asked.read_text(encoding="utf-8").splitlines()
    left = [line for line in lines if not _harmless(line) and not _of_a_cluster(line)]
    own = [line for line in left if SOCKET in line or "'pipeline.workflow.forking'" in line]
    assert [line.split("\t")[0] for line in own] == [
        "subprocess.Popen",
        "socket.bind",
        "socket.connect",
    ]
    (shell,) = (line for line in left if line not in own)
    assert "-m pipeline execute ingest --plan study.json" in shell


def _of_a_cluster(line: str) -> bool:
    """Tell what Snakemake's plugin for Slurm asks, where a user has installed it."""
    installed = find_spec("snakemake_executor_plugin_slurm") is not None
    return installed and any(word in line for word in ("'which'", "'scontrol'"))


def test_no_cell_of_any_table_is_a_formula(both: tuple[Ran, Ran]) -> None:
    """Every text cell of every CSV that starts like a formula, and every cell of the workbook."""
    root = both[0].root
    seen = 0
    for path in root.rglob("*.csv"):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        for column in table:
            for text in table[column][table[column].str.startswith(FORMULA_STARTS)]:
                assert pd.notna(pd.to_numeric(text, errors="coerce")), (path.name, column, text)
            seen += int(table[column].str.contains("calc", regex=False).sum())
    assert seen  # the hostile names did get there
    book = load_workbook(next(root.rglob("*.xlsx")))
    kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
    assert "f" not in kinds
    assert {"s", "n"} <= kinds


@pytest.mark.browser
def test_no_name_runs_in_any_page(both: tuple[Ran, Ran], open_offline: Open) -> None:
    """Every page carries a policy under which no script but its own runs, and none did."""
    pages = sorted((both[0].root / "outputs").rglob("*.html"))
    assert {"overview.html", "report.html", "index.html", "C1.html", "parcels.html"} <= {
        page.name for page in pages
    }
    for page in pages:
        watch = open_offline(page, ready="")
        watch.page.wait_for_load_state("load")
        policy = watch.page.locator("meta[http-equiv='Content-Security-Policy']")
        assert "default-src 'none'" in (policy.get_attribute("content") or ""), page.name
        watch.page.evaluate(INJECT)
        watch.page.wait_for_timeout(50)
        assert watch.page.evaluate("window.hacked") is None, page.name
        assert watch.dialogs == [], page.name
        assert watch.page.locator("img[src='x']:not(.injected)").count() == 0, page.name


INJECT = """() => {
  const script = document.createElement('script');
  script.textContent = 'window.hacked = 9';
  document.body.append(script);
  const picture = document.createElement('img');
  picture.className = 'injected';
  picture.setAttribute('onerror', 'window.hacked = 8');
  picture.src = 'x';
  document.body.append(picture);
  const link = document.createElement('a');
  link.href = 'javascript:window.hacked = 7';
  document.body.append(link);
  link.click();
}"""
