"""Keep every layer schema ever published, so that a change without a new version is seen.

Run as a module after raising the version of a changed layer in `layer_schemas.yml`:
``python -m tests.publish.layer_history``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pipeline.publish.layer_schemas import LayerSchema, layer_schemas, required_bump, structure

HISTORY = Path(__file__).with_name("layer_schema_history.json")


def published() -> dict[str, dict[str, Any]]:
    """Read the history: layer, version, structure."""
    found: dict[str, dict[str, Any]] = json.loads(HISTORY.read_text(encoding="utf-8"))
    return found


def complaint(schema: LayerSchema, versions: dict[str, Any]) -> str | None:
    """Say what is wrong with the version of a schema, given all published ones."""
    now = structure(schema)
    if schema.version in versions:
        if versions[schema.version] == now:
            return None
        part = required_bump(versions[schema.version], now)
        return f"{schema.name}: the schema changed; raise the {part} part of {schema.version}"
    if not versions:
        return f"{schema.name} {schema.version} is not recorded: python -m {__name__}"
    last = max(versions, key=_numbers)
    bump, (old, new) = (
        required_bump(versions[last], now),
        (_numbers(last), _numbers(schema.version)),
    )
    enough = {"major": new[0] > old[0], "minor": new[:2] > old[:2], None: new > old}[bump]
    if not enough:
        return f"{schema.name}: {last} to {schema.version} is not enough, the change is {bump}"
    return f"{schema.name} {schema.version} is not recorded: python -m {__name__}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def record() -> list[str]:
    """Add the present versions to the history; refuse those whose number is not right."""
    history = published() if HISTORY.exists() else {}
    refused = []
    for schema in layer_schemas().values():
        versions = history.setdefault(schema.name, {})
        found = complaint(schema, versions)
        if found is not None and "not recorded" in found:
            versions[schema.version] = structure(schema)
        elif found is not None:
            refused.append(found)
    text = json.dumps(history, ensure_ascii=False, indent=1, sort_keys=True)
    HISTORY.write_text(text + "\n", encoding="utf-8")
    return refused


if __name__ == "__main__":
    sys.exit("\n".join(record()) or None)
