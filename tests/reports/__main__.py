"""Write the reports anew."""

import os
import tempfile

from tests.reports import HERE, reports
from verifier import render

with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    for name, report in reports():
        (HERE / f"{name}.txt").write_text(render(report))
