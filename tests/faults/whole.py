"""A small study that fills every table, layer and map, and all its stages in one process.

Its names are hostile: what is shown of them must stay text everywhere.

`python -m tests.faults.whole STUDY WORKSPACE` runs the stages one after the other, without the
engine, so that a whole study costs seconds.
"""

from __future__ import annotations

import logging
import shutil
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from pipeline.atomic import atomic_write
from pipeline.engine import execute_stage
from pipeline.resources import shipped
from pipeline.stages.flow import STAGES
from pipeline.study import read_study
from pipeline.workspace import Workspace
from tests.built import PROJECT

#: A place of each kind, among them case parks and the park of the synthetic zone.
PLACES = ("C1", "Z1", "K1", "K2", "H4")
#: Roles whose embedded table is written out as a user's own file, so that its rows can be mixed.
OWN = {
    "hubs": "service_hubs",
    "districts": "districts",
    "standards": "standards",
    "lines": "lines",
}
#: What somebody may have typed for a name: markup, code, formulas, signs that turn the line round.
NAMES = {
    "C1": ("</script><script>window.hacked=1;alert(1)</script>", "<img src=x onerror=alert(2)>"),
    "Z1": ("=cmd|' /C calc'!A0", "@SUM(1+1)"),
    "K1": ("\"'`};alert(3);//${alert(4)}", "+1+1"),
    "K2": ("{{ 7*7 }}{% raw %}<b onclick=alert(5)>", "-2+3"),
    "H4": ("\u202e ]]> <!-- \u2028 园区", "＝1+1"),
}
FEWER = {
    "uncertainty.draws": 20,
    "island.draws": 99,
    "island.min_valid_draws": 20,
    "gaps.dirichlet_draws": 100,
    "gaps.bootstrap_draws": 100,
    "synthesis.pairing.draws": 20,
    "synthesis.clusters.draws": 99,
    "parcels.synthetic.parcels": 300,
    "layers.grid_m": 2000.0,
    "layers.excel": True,
}


def small_study(folder: Path, *, mixed: bool) -> Path:
    """Write the study; with `mixed` the rows of its own files stand in another order."""
    tables = shipped("reference")
    places = pd.read_csv(tables / "places.csv", dtype=str, keep_default_na=False)
    places = places[places["place_id"].isin(PLACES)].copy()
    for column, which in (("name_zh", 0), ("name_en", 1), ("note", 0)):
        places[column] = places["place_id"].map({key: pair[which] for key, pair in NAMES.items()})
    files = {"places": places}
    files |= {
        role: pd.read_csv(tables / f"{name}.csv", dtype=str, keep_default_na=False)
        for role, name in OWN.items()
    }
    for role in ("hubs", "lines"):
        files[role].loc[0, ["name_zh", "name_en"]] = NAMES["C1"]
    files["standards"].loc[:, "source"] = NAMES["Z1"][0]
    files["standards"].loc[:, "stated_zh"] = NAMES["C1"][0]
    text = (PROJECT / "studies" / "shanghai.yml").read_text(encoding="utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    for role, frame in files.items():
        rows = frame.sample(frac=1, random_state=7) if mixed else frame
        atomic_write(folder / f"{role}.csv", rows.to_csv(index=False))
    path = folder / "shanghai.yml"
    atomic_write(path, text)
    shutil.copytree(PROJECT / "studies" / "rules", folder / "rules", dirs_exist_ok=True)
    return path


def small_values() -> dict[str, object]:
    """Give the settings in which the small study differs from the file beside it."""
    values: dict[str, object] = dict(FEWER)
    for role in ("places", *OWN):
        values[f"inputs.{role}.path"] = f"{role}.csv"
        values[f"inputs.{role}.reference"] = None
    return values


def write_plan(path: Path, root: Path, values: Mapping[str, object] | None = None) -> Path:
    """Resolve the study into a workspace, as a run does before its first stage."""
    study = read_study(path, small_values() | dict(values or {}))
    workspace = Workspace(root=root, study=study.study.id)
    atomic_write(workspace.plan, study.model_dump_json() + "\n")
    return workspace.plan


def run_all(
    path: Path,
    root: Path,
    values: Mapping[str, object] | None = None,
    *,
    if_changed: bool = False,
    but: Sequence[str] = (),
) -> None:
    """Run every stage of the study but some, with other settings if given, in this process."""
    plan = write_plan(path, root, values)
    for spec in STAGES:
        if spec.name not in but:
            execute_stage(spec.name, plan, if_changed=if_changed)


def main() -> None:
    """Run the study given into the workspace given."""
    logging.basicConfig(level=logging.ERROR)
    warnings.simplefilter("ignore")
    run_all(Path(sys.argv[1]), Path(sys.argv[2]).resolve())


if __name__ == "__main__":
    main()
