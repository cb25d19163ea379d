"""Help tells everything that it has to tell, in the width of a plain terminal."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
import typer
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.commands.say import wrap_by_width
from tests.built import parkgap


def _commands(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield words
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, (*words, name))


@pytest.mark.parametrize("words", [*_commands(typer.main.get_command(app))], ids=" ".join)
def test_help_is_whole_at_eighty_columns(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    wrap_by_width()
    said = CliRunner().invoke(app, [*words, "--help"])
    assert said.exit_code == 0
    assert "…" not in said.output


def test_the_version_is_told_and_a_folder_is_no_file() -> None:
    assert parkgap("--version").stdout.startswith("parkgap ")
    said = parkgap("check", "studies", expect=3).stdout
    assert "a folder, not a file" in said
    wrong = parkgap("layers", "--export", "dwg", expect=2).stderr
    assert "geojson" in wrong
