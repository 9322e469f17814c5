"""Vectors of cache identifiers (spec/cache-id.md), with what goes into the hash."""

from __future__ import annotations

from typing import Any

import cbor2

from receipts.cache_id import CacheKey, blocks, text_ids, token_ids, vllm_ids, vllm_recipe

_KEY = CacheKey("acme", bytes(range(32)))
_TIME = 1793534400000
_TOKENS = [1, 23, 24, 255, 256, 65535, 65536, 128255, *range(24)]
_BODY = {
    "model": "claude-sonnet-4-6",
    "tools": [{"name": "search", "input_schema": {"b": 1.5, "a": [True, None, "ü"]}}],
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": "What is 2+2?"},
        {"role": "assistant", "content": [{"type": "text", "text": "4"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c1"}]},
    ],
}
_EXTRAS: dict[str, list[Any]] = {
    "plain": [],
    "salted": [[["cache_salt", "tenant-a"]]],
    "salted-untagged": [["tenant-a"]],
    "lora": [[["lora", "sql", "/adapters/sql"]], [["lora", "sql", "/adapters/sql"]]],
    "image": [[["mm", "img-9f", 4]], [["mm", "img-9f", -4]]],
}


def document() -> dict[str, Any]:
    """The file of vectors."""
    return {
        "title": "Cache identifiers",
        "keys": [
            _key(key.period, key.secret) for key in map(_KEY.for_period, ("2026-11", "2026-12"))
        ]
        + [_key("2026-11", CacheKey("other", _KEY.secret).for_period("2026-11").secret, "other")],
        "tokens": [
            _tokens(name, model, keyed)
            for name, model, keyed in (
                ("hmac", "claude-sonnet-4-6", True),
                ("hmac, another model", "claude-haiku-4-5", True),
                ("public", "claude-sonnet-4-6", False),
            )
        ],
        "text": _text(),
        "vllm": [_vllm(name, seed) for name in _EXTRAS for seed in ("vllm-none-hash", "42")],
    }


def _key(period: str, secret: bytes, account: str = "acme") -> dict[str, Any]:
    return {
        "account": account, "key": _KEY.secret.hex(), "period": period, "period_key": secret.hex(),
    }  # fmt: skip


def _tokens(name: str, model: str, keyed: bool) -> dict[str, Any]:
    key = _KEY.for_time(_TIME) if keyed else None
    recipe = "tokens-hmac-sha256" if keyed else "tokens-sha256"
    lengths = [1, 3, 8, 31, len(_TOKENS)]
    data = cbor2.dumps(recipe) + cbor2.dumps(model) + b"".join(map(cbor2.dumps, _TOKENS[:8]))
    ids = token_ids(model, _TOKENS, lengths, key)
    return {
        "name": name, "recipe": recipe, "model": model, "time": _TIME,
        "period_key": key and key.secret.hex(), "tokens": _TOKENS, "data_of_prefix_8": data.hex(),
        "ids": {str(length): identifier.hex() for length, identifier in ids.items()},
    }  # fmt: skip


def _text() -> dict[str, Any]:
    key, model = _KEY.for_time(_TIME), str(_BODY["model"])
    return {
        "recipe": "text-hmac-sha256", "model": model, "time": _TIME, "period_key": key.secret.hex(), "body": _BODY,
        "blocks": [block.decode() for block in blocks(_BODY)],
        "ids": [identifier.hex() for identifier in text_ids(model, _BODY, key)],
    }  # fmt: skip


def _vllm(name: str, seed: str) -> dict[str, Any]:
    extras = _EXTRAS[name]
    return {
        "name": name, "recipe": vllm_recipe(8, seed), "tokens": _TOKENS, "extra": extras,
        "hashes": [block.hex() for block in vllm_ids(_TOKENS, 8, seed, extras)],
    }  # fmt: skip
