"""Record with which exit code each bad file ends: `python -m tests.faults.expected`.

The record is looked at by a person when it changes; the suite holds every file to it.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.atomic import atomic_write
from tests.faults.calling import parkgap_here, quick
from tests.faults.corpus import Bad
from tests.faults.corpus_layers import layers
from tests.faults.corpus_tables import mini, tables
from tests.faults.corpus_texts import texts

RECORD = Path(__file__).with_name("expected.json")


def all_cases() -> list[Bad]:
    """Give every bad file."""
    return [*layers(), *tables(), *texts()]


def expected() -> dict[str, int]:
    """Give the recorded exit code of each case."""
    found: dict[str, int] = json.loads(RECORD.read_text(encoding="utf-8"))
    return found


def opened(case: Bad, folder: Path, study: Path) -> list[str]:
    """Write a case's file; gives the arguments of the command that opens it."""
    return [str(study) if word == "MINI" else word for word in case.make(folder)]


def main() -> None:
    """Open every file and write the record; a code that no case may have is an error."""
    warnings.simplefilter("ignore")
    found = {}
    with TemporaryDirectory() as apart, quick():
        study = mini(Path(apart))
        for case in all_cases():
            with TemporaryDirectory() as folder:
                code = parkgap_here(*opened(case, Path(folder), study)).code
            assert code in case.ends, (str(case), code)
            found[str(case)] = code
    atomic_write(RECORD, json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
