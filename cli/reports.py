"""Reports as files (spec/report.md)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import click

from cli.files import output_file
from cli.page.document import render_html
from verifier import Report, as_object, canonical, findings_csv

ENDINGS: Final = (".json", ".html")
"""What a file of a report can be."""


class ReportFile(click.ParamType[str]):
    """The name of a file that a report goes to; its ending says what it becomes."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name, if the ending is one of `ENDINGS`."""
        if Path(value).suffix not in ENDINGS:
            self.fail(f"{value!r} does not end with {' or '.join(ENDINGS)}", param, ctx)
        return str(value)


def write(report: Report, names: Sequence[str]) -> None:
    """Write a report to each of these files, whole or not at all; beside each, all findings, if the object does not list them.

    Raises:
        OSError: one cannot be written.
    """
    document = as_object(report)
    for name in names:
        with ExitStack() as opened:
            stream = opened.enter_context(output_file(name))
            if document["findings_csv"] is not None:
                beside = str(Path(name).with_suffix(".findings.csv"))
                opened.enter_context(output_file(beside)).writelines(findings_csv(report))
            stream.write(render_html(document) if name.endswith(".html") else canonical(document))
