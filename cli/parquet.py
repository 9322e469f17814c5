"""Parquet logs, for a verifier that reads JSON lines and nothing else. DuckDB reads them, where it is installed (extra ``parquet``)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from cli.terminal import CliError

_MAGIC: Final = b"PAR1"
_ROWS: Final = 10_000
"""Rows in memory at once."""


@contextmanager
def readable_logs(paths: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Logs as the verifier reads them: those in Parquet as JSON lines, under the same name in a temporary folder.

    Raises:
        CliError: one is in Parquet and cannot be read, or DuckDB is not installed.
        OSError: a file cannot be read.
    """
    with ExitStack() as stack:
        yield tuple(_as_lines(path, stack) if _is_parquet(path) else path for path in paths)


def _is_parquet(path: str) -> bool:
    if not Path(path).is_file():
        return False
    with Path(path).open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def _as_lines(path: str, stack: ExitStack) -> str:
    try:
        import duckdb  # heavy, and not always there
    except ImportError:
        hint = "install the extra, in the clone: pip install '.[parquet]'; or write the log as JSON lines"
        raise CliError(f"{path} is in Parquet, which takes DuckDB", hint) from None
    folder = stack.enter_context(TemporaryDirectory(prefix="receipt-"))
    lines = Path(folder, f"{Path(path).name}.jsonl")
    try:
        with duckdb.connect() as db, lines.open("w") as out:
            kinds = db.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall()
            names = [name for name, *_ in kinds]
            columns = ", ".join(_column(path, name, kind) for name, kind, *_ in kinds)
            rows = db.execute(f"SELECT {columns} FROM read_parquet(?)", [path])  # noqa: S608  # quoted
            while block := rows.fetchmany(_ROWS):
                for row in block:
                    line = dict(zip(names, row, strict=True))
                    out.write(json.dumps(line, default=_plain) + "\n")
    except (duckdb.Error, TypeError) as error:
        raise CliError(f"{path}: {error}", "spec/record.md says what a log may have") from None
    return str(lines)


def _column(path: str, name: str, kind: str) -> str:
    """A column as SQL: times in ms."""
    quoted = '"{}"'.format(name.replace('"', '""'))
    if "TIMESTAMP" not in kind:
        return quoted
    if "WITH TIME ZONE" not in kind:
        message = f"{path}: column {name!r} has times without a time zone"
        raise CliError(message, "write it as a timestamp with a time zone, or as milliseconds")
    return f"epoch_ms({quoted}) AS {quoted}"


def _plain(value: Any) -> str:
    """Bytes, for which JSON has no form, as spec/record.md writes them."""
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"a value that a log cannot have: {value!r}")
