"""Find the project's own files, in a checkout or in an installed wheel."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """Give the folder of the embedded `reference` tables or `studies`.

    In a checkout they lie at the top level, where people edit them; the wheel carries a copy.
    """
    packed = PACKAGE / "_shipped" / name
    if packed.is_dir():
        return packed
    checkout = {"reference": PACKAGE.parent / "layers" / "reference"}
    return checkout.get(name, PACKAGE.parent / name)


#: The study that a command means when none is named; a file beside the studies says which.
FIRST_STUDY = (shipped("studies") / "DEFAULT").read_text(encoding="utf-8").strip()
