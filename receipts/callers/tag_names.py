"""Which tags a key table and a tagging contract may name."""

from __future__ import annotations

from typing import Final

from receipts.toml_file import Member

UNTAGGED: Final = "untagged"
"""The tag that names who owns what is wrong with the others; ``untagged/NAME`` says of one what is wrong (spec/receipt.md, 15)."""
MAX_TAGS: Final = 32
MAX_TAG_NAME: Final = 64
"""Bytes. With `MAX_TAGS`, and values of 512 bytes, all tags fit into a third of a receipt's 65,536 bytes: whatever a client sends as
tags, it cannot make its own receipt too large to be issued."""


def check_tag_names(tags: Member) -> dict[str, Member]:
    """The members of a table of tags: 1 to 32, none of them reserved.

    Raises:
        TomlFileError: it is no such table.
    """
    members = tags.table()
    if not 1 <= len(members) <= MAX_TAGS:
        raise tags.error(f"1 to {MAX_TAGS} tags", str(len(members)))
    for name, member in members.items():
        if not 1 <= len(name.encode()) <= MAX_TAG_NAME:
            raise member.error(f"a name of 1 to {MAX_TAG_NAME} bytes", f"{len(name.encode())} bytes")  # fmt: skip
        if name == UNTAGGED or name.startswith(f"{UNTAGGED}/"):
            raise member.error("another name", "one that is reserved for tags that are wrong")
    return members
