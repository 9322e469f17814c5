"""``receipt tags``: check a tagging contract and a key table, and try them on a request."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

import click
from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictStr, ValidationError

from cli.files import read_bytes
from cli.options import output_options
from cli.terminal import CliError, complain, plural, print_json, safe, warn
from receipts.callers import (
    Asked,
    Caller,
    KeyTable,
    TableKey,
    TagContract,
    Tagged,
    TagRule,
    TomlFileError,
)

_CHECK_HELP = """Check a tagging contract, and a key table with it; say what they would make of a request.

REQUEST is JSON: {"path": "/v1/messages", "headers": {"x-team": "search"}, "body": {"metadata": {}}}, each member optional. Its caller is
found by its key, or named with --as, so that no key has to be written down. Exit code 1: nobody is billed for it, or it breaks the
contract; or the contract takes a tag from keys that no key of the table has.

\b
receipt tags check contract.toml
receipt tags check contract.toml --keys-table keys.toml \\
  --try request.json --as search
"""
_Read = TypeVar("_Read")


def _header_values(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    path: StrictStr = "/"
    headers: dict[StrictStr, Annotated[list[StrictStr], BeforeValidator(_header_values)]] = {}
    body: dict[StrictStr, Any] = {}

    def asked(self) -> Asked:
        headers = [
            (name.lower().encode(), value.encode())
            for name, values in self.headers.items()
            for value in values
        ]
        return Asked(self.path, headers, json.dumps(self.body).encode())


@click.group()
def tags() -> None:
    """Check a tagging contract and a key table."""


@tags.command(help=_CHECK_HELP)
@click.argument("contract", type=click.Path())
@click.option("--keys-table", metavar="FILE", help="The key table that goes with it.")
@click.option("--try", "request", metavar="REQUEST", help="Say what this request would get.")
@click.option("--as", "name", metavar="NAME", help="Try it with the key of this name.")
@output_options()
def check(
    contract: str,
    keys_table: str | None,
    request: str | None,
    name: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Check both files; with a request, what it would get."""
    if name is not None and (request is None or keys_table is None):
        raise click.UsageError("--as goes with --try and --keys-table")
    rules = _read(TagContract.from_toml, contract)
    table = _read(KeyTable.from_toml, keys_table) if keys_table else None
    for rule in rules.rules:
        _warn_of_claims(rule)
    strange = [] if table is None else _strange(rules, table)
    for tag in strange:
        complain(f"no key of the table has the tag {tag}", "look at the spelling after key:")
    document: dict[str, Any] = {"owner": rules.owner, "tags": [_rule(rule) for rule in rules.rules],
                                "keys": [_key(one) for one in table.keys] if table else None}  # fmt: skip
    is_right = not strange
    if request is None:
        if not as_json and not quiet:
            _print_files(rules, table)
    else:
        asked = _asked(request)
        caller = _caller(table, asked, name)
        tagged = None if caller is None else rules.tags(asked, caller)
        is_right = is_right and tagged is not None and not tagged.faults
        document["try"] = _tried(caller if table else None, tagged)
        if not as_json:
            _print_tried(document["try"])
    if as_json:
        print_json(document)
    click.get_current_context().exit(0 if is_right else 1)


def _read(read: Callable[[bytes, str], _Read], path: str) -> _Read:
    try:
        return read(read_bytes(path), path)
    except TomlFileError as error:
        hint = "docs/provider.md (Who is billed, and tags) has an example of both files"
        raise CliError(str(error), hint) from None


def _warn_of_claims(rule: TagRule) -> None:
    """A claim of the client that goes before what the server knows: it may be meant."""
    for at, source in enumerate(rule.sources):
        beaten = [one.text for one in rule.sources[at:] if one.kind == "key"]
        if source.is_claimed and beaten:
            warn(f"tags.{rule.name}: a client's {source.text} goes before {beaten[0]}")
            return


def _strange(rules: TagContract, table: KeyTable) -> list[str]:
    """Tags that the contract takes from keys, and that no key has: they would be missing in every receipt."""
    known = {name for one in table.keys for name in one.caller.tags}
    sources = [one for rule in rules.rules for one in rule.sources if one.kind == "key"]
    return sorted({one.text.removeprefix("key:") for one in sources} - known)


def _asked(path: str) -> Asked:
    try:
        return _Request.model_validate_json(read_bytes(path)).asked()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "request"
        hint = 'for instance {"path": "/v1/messages", "headers": {"x-team": "search"}}'
        raise CliError(f"{path}: {field}: {first['msg']}", hint) from None


def _caller(table: KeyTable | None, asked: Asked, name: str | None) -> Caller | None:
    """Who asks. Without a table, somebody of whom nothing is known."""
    if table is None:
        return Caller("")
    if name is None:
        return table.find(asked)
    for one in table.keys:
        if one.name == name:
            return one.caller
    raise CliError(f"no key has the name {name!r}", "--as takes the name of a [[key]]")


def _rule(rule: TagRule) -> dict[str, Any]:
    allowed = None if rule.allowed is None else sorted(rule.allowed)
    return {"name": rule.name, "required": rule.required, "from": [one.text for one in rule.sources], "allowed": allowed}  # fmt: skip


def _key(one: TableKey) -> dict[str, Any]:
    return {"name": one.name, "account": one.caller.account, "tags": dict(one.caller.tags)}


def _tried(caller: Caller | None, tagged: Tagged | None) -> dict[str, Any]:
    faults = [(fault.tag, fault.reason.value) for fault in tagged.faults] if tagged else []
    return {
        "billed": tagged is not None,
        "account": caller.account if caller else None,
        "tags": tagged.tags if tagged else {},
        "faults": [{"tag": tag, "reason": reason} for tag, reason in faults],
    }


def _print_files(rules: TagContract, table: KeyTable | None) -> None:
    for rule in rules.rules:
        must = "required" if rule.required else "optional"
        values = "any value" if rule.allowed is None else ", ".join(sorted(rule.allowed))
        sources = ", ".join(one.text for one in rule.sources)
        click.echo(safe(f"{rule.name}: {must}, from {sources}; {values}"))
    click.echo(safe(f"what comes untagged is owned by {rules.owner}"))
    if table is not None:
        accounts = {one.caller.account for one in table.keys}
        click.echo(f"{plural(len(table.keys), 'key')} of {plural(len(accounts), 'account')}")


def _print_tried(tried: Mapping[str, Any]) -> None:
    if not tried["billed"]:
        click.echo("nobody is billed: no receipt")
        return
    if tried["account"] is not None:
        click.echo(safe(f"account {tried['account']}"))
    for name, value in tried["tags"].items():
        click.echo(safe(f"tag {name}: {value}"))
