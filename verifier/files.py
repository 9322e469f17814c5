"""Where the bytes of a batch come from: files, or a stream that can be read only once."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import BinaryIO

from verifier.batch import BatchFile, Readable


def batch_file(path: str) -> BatchFile:
    """A file. It is opened anew each time it is read; what can be read only once is copied, as by `batch_stream`.

    Raises:
        OSError: it cannot be read.
    """
    if Path(path).exists() and not Path(path).is_file() and not Path(path).is_dir():
        with Path(path).open("rb") as stream:
            return batch_stream(path, stream)
    return BatchFile(path, lambda: Path(path).open("rb"))


def batch_stream(name: str, stream: BinaryIO) -> BatchFile:
    """A pipe, which is copied to a temporary file first, since a batch may be read twice.

    The file is gone when the source is.
    """
    copy = tempfile.NamedTemporaryFile(prefix="receipt-verify-")  # noqa: SIM115  # see above
    shutil.copyfileobj(stream, copy)
    copy.flush()

    def reopen() -> Readable:
        return Path(copy.name).open("rb")

    return BatchFile(name, reopen)
