"""ES modules as one classic script: a page that is opened from disk may load no module."""

from __future__ import annotations

import re
from importlib.resources.abc import Traversable
from typing import Final

_IMPORT: Final = re.compile(
    r'^(?:import|export) \{\s*\w+(?:,\s*\w+)*,?\s*\} from "\./(\w+\.js)";\n', re.MULTILINE
)
_EXPORT: Final = re.compile(r"^export (?=async|const|let|class|function)", re.MULTILINE)
_OTHER: Final = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_DECLARED: Final = re.compile(
    r"^(?:async )?(?:const|let|var|class|function\*?) (\w+|\[[^\]]*\]|\{[^}]*\})", re.MULTILINE
)


def joined(folder: Traversable, last: str) -> str:
    """The module ``last`` and all that it imports, each once and after what it imports.

    Modules are imported by name from the same folder (``import { a, b } from "./c.js";``, at the beginning of a line), and exported
    where they are declared.

    Raises:
        ValueError: two modules import each other, two of them have a top-level name in common, or a line imports in another form.
    """
    texts: dict[str, str] = {}
    _collect(folder, last, texts, ())
    owners: dict[str, str] = {}
    for module, text in texts.items():
        for name in _names(text):
            if owners.setdefault(name, module) != module:
                raise ValueError(f"{module} and {owners[name]} both declare {name}: rename one")
    return "\n".join(texts.values())


def _collect(
    folder: Traversable, module: str, texts: dict[str, str], open_: tuple[str, ...]
) -> None:
    if module in open_:
        raise ValueError(f"modules import each other: {' -> '.join((*open_, module))}")
    if module in texts:
        return
    source = folder.joinpath(module).read_text(encoding="utf-8")
    for imported in _IMPORT.findall(source):
        _collect(folder, imported, texts, (*open_, module))
    text = _EXPORT.sub("", _IMPORT.sub("", source))
    if other := _OTHER.search(text):
        raise ValueError(f"{module}: an import or an export in another form: {other[0]}")
    texts[module] = text


def _names(text: str) -> list[str]:
    """The top-level names that a module declares, each once."""
    found = [re.findall(r"\w+", names) for names in _DECLARED.findall(text)]
    return sorted({name for names in found for name in names})
