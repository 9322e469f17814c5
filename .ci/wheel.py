"""The wheel holds the packages, their data and the licence, and nothing else at its top level."""

import sys
from pathlib import Path
from zipfile import ZipFile

PACKAGES = {"receipts", "verifier", "attribution", "cli"}
DATA = {
    "cli/sample/usage.jsonl",
    "cli/sample/SOURCES.md",
    "attribution/cache/policies/anthropic-5m.json",
    "verifier/web/index.html",
}
DATA |= {f"{name}/py.typed" for name in PACKAGES}
DATA |= {str(path) for path in Path("verifier/web").glob("*.js")}

with ZipFile(sys.argv[1]) as wheel:
    names = set(wheel.namelist())
top = {name.split("/")[0] for name in names}
packages = {name for name in top if not name.endswith(".dist-info")}
if packages != PACKAGES:
    sys.exit(f"the wheel's top level is {sorted(packages)}, expected {sorted(PACKAGES)}")
if missing := DATA - names:
    sys.exit(f"the wheel lacks {sorted(missing)}")
if not any(name.endswith(".dist-info/licenses/LICENSE") for name in names):
    sys.exit("the wheel lacks the licence")
print(f"{len(names)} files in {', '.join(sorted(packages))}")
