"""Justify every dependency, check its licence, and write the documents and the bill of materials.

`python -m tests.faults.dependencies` writes `docs/dependencies.md`; with a file name it writes a
CycloneDX bill of materials there (`make sbom`).
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from pipeline.atomic import atomic_write
from tests.built import PROJECT

DOCUMENT = PROJECT / "docs" / "dependencies.md"
# One machine stands for all, so that the document does not depend on where it is written.
MACHINE = {
    "python_version": "3.11",
    "python_full_version": "3.11.7",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "os_name": "posix",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}
#: Families of licences that the product may rest on, by a word of their name. First match wins.
FAMILIES = (
    ("AGPL", r"AGPL|Affero", False),
    ("LGPL", r"LGPL|Lesser General", False),
    ("GPL", r"\bGPL|General Public", False),
    ("MPL-2.0", r"MPL|Mozilla", True),
    ("Apache-2.0", r"Apache", True),
    ("BSD", r"BSD", True),
    ("MIT", r"\bMIT\b", True),
    ("ISC", r"\bISC", True),
    ("PSF-2.0", r"PSF|Python Software Foundation", True),
    ("HPND", r"HPND|Historical Permission", True),
    ("Unlicense", r"Unlicense|Public Domain|CC0|0BSD", True),
)


_HEAD = """# 依赖 / Dependencies

由 `python -m tests.faults.dependencies` 写出：理由在 `tests/faults/dependencies.yml`，
许可取自各软件包自己的元数据。没有理由、许可为 GPL 或 AGPL、许可不明的新依赖不能通过测试。
版本固定在 `constraints.txt`；`make sbom` 写出软件物料清单（CycloneDX 1.6，JSON）。
Written by that command: reasons from `tests/faults/dependencies.yml`, licences from the packages'
own metadata. A new dependency without a reason, under the GPL or AGPL, or of unknown licence fails
the tests. Versions are pinned in `constraints.txt`; `make sbom` writes a bill of materials
(CycloneDX 1.6, JSON)."""


@dataclass(frozen=True)
class Package:
    """One installed package that the product needs: version, what its licence says and is."""

    name: str
    version: str
    said: str
    family: str | None
    allowed: bool


@cache
def reasons() -> Mapping[str, Mapping[str, tuple[str, str]]]:
    """Give the reasons by group and package, and what was settled of licences."""
    path = Path(__file__).with_suffix(".yml")
    found: dict[str, dict[str, tuple[str, str]]] = {
        group: {name: (item[0], ", ".join(item[1:])) for name, item in items.items()}
        for group, items in YAML(typ="safe").load(path.read_text(encoding="utf-8")).items()
    }
    return found


def declared() -> dict[str, list[str]]:
    """Give the names of the direct dependencies, by group of pyproject.toml."""
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    tree: dict[str, Any] = tomllib.loads(text)
    groups = {"product": tree["project"]["dependencies"], **tree["dependency-groups"]}
    return {
        group: [Requirement(item).name for item in items if isinstance(item, str)]
        for group, items in groups.items()
    }


def product() -> list[Package]:
    """Give every package that the product rests on, directly or through others, by name."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement(name) for name in declared()["product"]]
    while waiting:
        name = canonicalize_name(waiting.pop().name)
        if name not in found:
            found[name] = distribution(name)
            waiting += _needs(found[name])
    return [_package(name, found[name]) for name in sorted(found)]


def _needs(package: Distribution) -> Iterator[Requirement]:
    for text in package.requires or []:
        need = Requirement(text)
        if need.marker is None or need.marker.evaluate({**MACHINE, "extra": ""}):
            yield need


def _package(name: str, package: Distribution) -> Package:
    said = licence_said(package)
    settled = reasons()["settled"].get(name)
    family, allowed = family_of(settled[0] if settled else said)
    return Package(name, package.version, said, family, allowed)


def licence_said(package: Distribution) -> str:
    """Give what a package says of its licence: expression, classifiers, field, or licence file."""
    meta = package.metadata
    expression = meta.get("License-Expression")
    if expression:
        return str(expression)
    classifiers = [
        text.rpartition("::")[2].strip()
        for text in meta.get_all("Classifier") or []
        if text.startswith("License ::")
    ]
    if classifiers:
        return "; ".join(classifiers)
    files = [file for file in package.files or [] if ".dist-info" in str(file)]
    texts = [meta.get("License") or ""]
    texts += [file.read_text() for file in files if re.search(r"LICEN[CS]E", file.name)]
    return next((_first_line(text) for text in texts if text.strip()), "?")


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0].strip()[:60]


def family_of(said: str) -> tuple[str | None, bool]:
    """Tell the family of a licence and whether the product may rest on it; unknown is refused."""
    for family, pattern, allowed in FAMILIES:
        if re.search(pattern, said):
            return family, allowed
    return None, False


def render() -> str:
    """Write the document."""
    lines = [_HEAD]
    titles = {
        "product": "产品 / The product",
        "node": "无 Node.js 时 / Where there is no Node.js",
        "cluster": "集群 / Clusters",
        "notebooks": "笔记本 / Notebooks",
        "docs": "文档站点 / Documentation site",
        "test": "测试 / Tests",
    }
    for group, title in titles.items():
        lines += ["", f"## {title}", "", "| 软件包 package | 为什么 why |", "|---|---|"]
        names = sorted(declared().get(group, []), key=str.casefold)
        told = reasons()[group]
        lines += [f"| {name} | {'<br>'.join(told.get(name, ('?', '?')))} |" for name in names]
    lines += [
        "",
        "## 许可 / Licences",
        "",
        "产品直接与间接依赖的全部软件包。",
        "Every package that the product rests on, directly or not.",
        "",
        "| 软件包 package | 版本 version | 许可 licence | 原文 as stated |",
        "|---|---|---|---|",
    ]
    pins = _pins()
    for package in product():
        version = pins.get(package.name, package.version)
        lines.append(f"| {package.name} | {version} | {package.family or '?'} | {package.said} |")
    lines += ["", *(f"* {name}: {why}" for name, (_to, why) in reasons()["settled"].items()), ""]
    return "\n".join(lines)


def _pins() -> dict[str, str]:
    found = {}
    for line in (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name, sign, rest = line.partition("==")
        if sign:
            found[str(canonicalize_name(name))] = rest.split(";")[0].strip()
    return found


def bill_of_materials() -> str:
    """Write the bill of materials of the product as CycloneDX JSON, checked against its schema."""
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.license import DisjunctiveLicense
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    mine = distribution("parkgap")
    root = Component(name="parkgap", version=mine.version, type=ComponentType.APPLICATION)
    parts = {
        package.name: Component(
            name=package.name,
            version=package.version,
            type=ComponentType.LIBRARY,
            purl=PackageURL("pypi", name=package.name, version=package.version),
            licenses=[DisjunctiveLicense(name=package.said)],
        )
        for package in product()
    }
    bom = Bom(components=parts.values())
    bom.metadata.component = root
    direct = [canonicalize_name(name) for name in declared()["product"]]
    bom.register_dependency(root, [parts[name] for name in direct])
    for name, part in parts.items():
        needs = {canonicalize_name(need.name) for need in _needs(distribution(name))}
        bom.register_dependency(part, [parts[need] for need in sorted(needs)])
    return str(JsonV1Dot6(bom).output_as_string(indent=1)) + "\n"


def main() -> None:
    """Write the document, or the bill of materials to the file named."""
    if len(sys.argv) > 1:
        atomic_write(Path(sys.argv[1]), bill_of_materials())
    else:
        atomic_write(DOCUMENT, render())


if __name__ == "__main__":
    main()
