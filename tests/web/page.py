"""``python -m tests.web.page``: put verifier/web/index.html together, one file that works from disk; ``--check``: whether it is up to date.

The policy of the page names the hashes of its script and its style, so that nothing else runs in it.
"""

import sys
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from cli.page.modules import joined

FOLDER = Path(__file__).parents[2] / "verifier/web"
PAGE = FOLDER / "index.html"


def _hash(text):
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


def page():
    """The page as it must be."""
    style = (FOLDER / "page.css").read_text()
    # A page from disk may load no module, and start a classic worker only.
    script, module = (joined(FOLDER, name) for name in ("page.js", "worker.js"))
    for part in (script, module):
        if "</script" in part or "<!--" in part:
            raise ValueError("a script that would end its own element")
    parts = {"STYLE_HASH": _hash(style), "SCRIPT_HASH": _hash(script), "STYLE": style, "SCRIPT": script, "MODULE": module}  # fmt: skip
    text = (FOLDER / "page.html").read_text()
    for name, part in parts.items():
        text = text.replace(f"{{{{{name}}}}}", part)
    return text


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        if PAGE.read_text() != page():
            sys.exit("verifier/web/index.html is not what its parts make: python -m tests.web.page")
    else:
        PAGE.write_text(page())
