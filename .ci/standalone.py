"""Runs ``python -m verifier`` in a folder of its own on every batch vector: the verdict is the vector's.

Arguments: the folder that holds ``verifier/``, and a Python that has only ``cryptography``.
"""

import json
import subprocess
import sys
from pathlib import Path

folder, python = Path(sys.argv[1]), sys.argv[2]
EXIT = {"verified": 0, "rejected": 1, "incomplete": 3, None: 2}

packages = subprocess.run(
    [python, "-m", "pip", "list", "--format=freeze"], check=True, capture_output=True, text=True
).stdout.split()
names = {line.split("==")[0] for line in packages}
if extra := names - {"pip", "setuptools", "cryptography", "cffi", "pycparser", "typing_extensions"}:
    sys.exit(f"more than cryptography is installed: {sorted(extra)}")

document = json.loads(Path("spec/vectors/batches.json").read_text())
checked = 0
for vector in document["vectors"]:
    if (
        vector["options"]
        or not isinstance(vector["keys"], str)
        or "several" in document["keys"][vector["keys"]]
    ):
        continue
    (folder / "keys.json").write_text(json.dumps(document["keys"][vector["keys"]]))
    (folder / "batch.cbor").write_bytes(bytes.fromhex(vector["input"]))
    done = subprocess.run(
        [python, "-m", "verifier", "batch.cbor", "--keys", "keys.json", "--json"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    verdict = json.loads(done.stdout)["verdict"] if done.stdout else None
    if (verdict, done.returncode, bool(done.stderr)) != (
        vector["verdict"],
        EXIT[vector["verdict"]],
        vector["verdict"] is None,
    ):
        sys.exit(
            f"{vector['id']}: {verdict}, exit {done.returncode}, expected {vector['verdict']}\n{done.stderr}"
        )
    checked += 1
print(f"{checked} batch vectors, same verdicts and exit codes")
