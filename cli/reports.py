"""Reports as files (spec/report.md)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from cli.files import output_file
from verifier import canonical

ENDINGS: Final = (".json",)
"""What a file of a report can be."""


class ReportFile(click.ParamType[str]):
    """The name of a file that a report goes to; its ending says what it becomes."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name, if the ending is one of `ENDINGS`."""
        if Path(value).suffix not in ENDINGS:
            self.fail(f"{value!r} does not end with {' or '.join(ENDINGS)}", param, ctx)
        return str(value)


def write(document: dict[str, Any], names: Sequence[str]) -> None:
    """Write a report to each of these files, whole or not at all.

    Raises:
        OSError: one cannot be written.
    """
    for name in names:
        with output_file(name) as stream:
            stream.write(canonical(document))
