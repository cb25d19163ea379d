"""The ways to install agree with each other and name no registry."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

from ruamel.yaml import YAML

NAME = re.compile(r"^[A-Za-z0-9_.-]+")


def bare(requirement: str) -> str:
    found = NAME.match(requirement.strip())
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found[0].lower())


def declared(project: Path) -> dict[str, str]:
    data = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = data["project"]["dependencies"]
    return {bare(item): item.removeprefix(NAME.match(item)[0]).strip() for item in wanted}


def conda(project: Path) -> list[str]:
    tree = YAML(typ="safe").load((project / "environment.yml").read_text(encoding="utf-8"))
    assert {"pip": ["-e ."]} in tree["dependencies"]
    return [item for item in tree["dependencies"] if isinstance(item, str)]


def test_conda_and_pip_ask_for_the_same_versions(project: Path) -> None:
    wanted = declared(project)
    for item in conda(project):
        name, _, version = item.partition(" ")
        if name not in {"python", "pip"}:
            assert wanted.get(name) == version, item
    data = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    assert f"python {data['project']['requires-python']}" in conda(project)


def test_the_compiled_stack_comes_from_conda(project: Path) -> None:
    names = {item.partition(" ")[0] for item in conda(project)}
    assert {"geopandas", "shapely", "rasterio", "pyproj", "networkx", "osmnx"} <= names


def test_constraints_pin_every_dependency_and_name_no_address(project: Path) -> None:
    lines = (project / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {bare(line) for line in lines}
    assert set(declared(project)) <= pinned
    for line in lines:
        assert re.fullmatch(r"[A-Za-z0-9_.\[\]-]+==[^ ;]+( ; .+)?", line), line
        assert "://" not in line


def test_no_committed_file_names_a_registry(project: Path) -> None:
    if not (project / ".git").exists():
        files = [path for path in project.rglob("*.json") if "node_modules" not in path.parts]
    else:
        listed = subprocess.run(
            ["git", "ls-files"], cwd=project, capture_output=True, text=True, check=True
        )
        files = [project / name for name in listed.stdout.splitlines()]
    address = re.compile(rb"(pypi|npmjs|hosted)[a-z]*\.(org|com)")
    named = [
        path for path in files if path.is_file() and address.search(path.read_bytes()) is not None
    ]
    assert [path for path in named if path.name != Path(__file__).name] == []
