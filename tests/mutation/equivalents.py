"""The list of changes that no test can notice, each with the reason (equivalent.toml)."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests.mutation.mutants import Key

LIST = Path(__file__).with_name("equivalent.toml")


def listed(path: Path = LIST) -> dict[Key, str]:
    """The reasons, by the change."""
    document = tomllib.loads(path.read_text())
    found: dict[Key, str] = {}
    for one in document.get("equivalent", []):
        for after in [one["after"]] if isinstance(one["after"], str) else one["after"]:
            key = one["module"], one["function"], one["before"], after, one.get("nth", 1)
            assert key not in found, f"listed twice: {key}"
            assert one["reason"].strip(), f"no reason: {key}"
            found[key] = one["reason"]
    return found
