"""The command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache

import typer

from pipeline.commands import (
    coverage,
    data,
    documents,
    many,
    parcel_parts,
    publish,
    scenarios,
    studies,
)
from pipeline.commands.say import complain, wrap_by_width
from pipeline.errors import ExitCode
from pipeline.machine import named_error

app = typer.Typer(
    callback=documents.options,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    studies.run,
    studies.stage,
    studies.stages,
    many.many,
    data.new,
    data.fetch,
    data.check,
    data.cells,
    data.template,
    data.shift,
    data.match,
    publish.layers,
    publish.report,
    documents.docs,
    coverage.coverage,
    scenarios.compare,
    scenarios.digitise,
):
    app.command()(command)
app.command(hidden=True)(studies.execute)
app.add_typer(scenarios.scenario, name="scenario")
app.add_typer(parcel_parts.app, name="parcel-parts")


@cache
def commands() -> Callable[..., None]:
    """Make the commands of `app`, once for all that a process does."""
    return typer.main.get_command(app)


def main() -> None:
    """Run the command line; errors become messages and exit codes, never tracebacks."""
    wrap_by_width()
    try:
        commands()(standalone_mode=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.FAILED)
    except Exception as error:
        if os.environ.get("PARKGAP_TRACEBACK"):
            raise
        found = named_error(error)
        for problem in found.problems:
            complain(str(problem))
        sys.exit(found.exit_code)
