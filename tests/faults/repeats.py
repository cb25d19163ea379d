"""Build whole studies again under other conditions and compare every byte.

`python -m tests.faults.repeats` takes minutes and writes `tests/faults/repeats.json`, which
`docs/reliability.md` shows. What is quick stands in `test_same_bytes.py`: time zones, hash seeds,
cores, row order. Locales are compiled from the definitions of Debian's package `locales`.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.atomic import atomic_write
from tests.built import PROJECT, contents
from tests.faults.whole import small_study, small_values

RECORD = Path(__file__).with_name("repeats.json")
EXTRACT = "data/shanghai/shanghai_sample.osm.pbf"
LOCALES = {"tr_TR.UTF-8": ("tr_TR", "UTF-8"), "zh_CN.GB18030": ("zh_CN", "GB18030")}


@dataclass(frozen=True)
class Repeat:
    """One study built under two conditions; `differ` names the files of other bytes."""

    study: str
    first: str
    second: str
    files: int
    differ: list[str]


def compiled(folder: Path) -> Path:
    """Compile the locales into a folder for LOCPATH."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (language, charset) in LOCALES.items():
        subprocess.run(
            ["localedef", "-i", language, "-f", charset, str(folder / name)],
            check=False,  # it ends with 1 after a warning
            capture_output=True,
        )
        if not (folder / name).is_dir():
            msg = f"no locale {name}: is Debian's package locales installed?"
            raise RuntimeError(msg)
    return folder


def speaking(name: str, folder: Path) -> dict[str, str]:
    """Give the environment of a locale, without Python's own retreat to UTF-8."""
    plain = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    return {"LC_ALL": name, "LANG": name, "LOCPATH": str(folder), **plain}


def repeats(folder: Path, shared: Path) -> Iterator[Repeat]:
    """Build the small study and the one with an extract under each condition."""
    locales = compiled(folder / "locales")
    study = small_study(folder / "study", mixed=False)
    sets = [
        part
        for key, value in small_values().items()
        for part in ("--set", f"{key}={json.dumps(value)}")
    ]
    # JSON is YAML, in which options are read.
    small = ("--study", str(study), *sets)
    measured = ("--osm", str(shared / EXTRACT))
    turkish, chinese = (speaking(name, locales) for name in LOCALES)
    two, one = ("--cores", "2"), ("--cores", "1")
    runs: dict[str, list[tuple[str, tuple[str, ...], Mapping[str, str]]]] = {
        "小型研究 the small study": [
            ("C.UTF-8, --cores 2", (*small, *two), {"LC_ALL": "C.UTF-8"}),
            ("C.UTF-8, --cores 1", (*small, *one), {"LC_ALL": "C.UTF-8"}),
            ("tr_TR.UTF-8, --cores 2", (*small, *two), turkish),
            ("zh_CN.GB18030, --cores 2", (*small, *two), chinese),
        ],
        "上海与 OSM 摘录 Shanghai with an OSM extract": [
            ("C.UTF-8, --cores 2", (*measured, *two), {"LC_ALL": "C.UTF-8"}),
            ("zh_CN.GB18030, --cores 1", (*measured, *one), chinese),
        ],
    }
    for name, conditions in runs.items():
        built = {}
        for number, (said, arguments, env) in enumerate(conditions):
            root = folder / f"{len(arguments)}-{number}"
            _run(("run", "--workspace", str(root), *arguments), env)
            built[said] = contents(root)
        first, *others = built
        for second in others:
            one_of, other = built[first], built[second]
            differ = sorted(
                path for path in one_of.keys() | other.keys() if one_of.get(path) != other.get(path)
            )
            yield Repeat(name, first, second, len(one_of), differ)


def _run(arguments: tuple[str, ...], env: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        cwd=PROJECT,
        env={**os.environ, **env},
        capture_output=True,  # as bytes: their encoding is the locale's
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace"))


def main() -> None:
    """Build, compare and write the record."""
    shared = Path(os.environ.get("PARKGAP_SHARED", PROJECT.parent / "shared"))
    with TemporaryDirectory() as folder:
        done = []
        for repeat in repeats(Path(folder), shared):
            done.append(asdict(repeat))
            sys.stdout.write(f"{repeat}\n")
            sys.stdout.flush()
    record = {"date": dt.datetime.now(tz=dt.UTC).date().isoformat(), "repeats": done}
    atomic_write(RECORD, json.dumps(record, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
