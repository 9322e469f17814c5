"""The middleware's settings from the environment: each is used, and what is wrong is said with the setting's name, and opens nothing."""

import threading

import pytest

from receipts import JournalError
from receipts.asgi import SettingError, emitter_from_environment
from receipts.cache_id import CacheKey
from receipts.callers import Asked, Caller, key_hash
from tests.build import ACCOUNT

KEY = b"acme-3f9c1e5ab07d42688d21c4e6"


@pytest.fixture
def settings(keys, folder, monkeypatch):
    """Settings of the environment: the least that is needed, and what is asked for."""
    (folder / "keys.toml").write_text(
        f'[[key]]\naccount = "{ACCOUNT}"\nsha256 = "{key_hash(KEY)}"\ntags = {{ team = "search" }}\n'
    )
    (folder / "tags.toml").write_text('owner = "p"\n[tags.team]\nfrom = ["key:team"]\n')
    (folder / "cache-keys").mkdir()
    (folder / "cache-keys" / "acme.key").write_bytes(CacheKey.generate(ACCOUNT).to_json())

    def give(**more):
        for name, value in {"KEYS": "keys", "JOURNAL": "issuer.db", **more}.items():
            monkeypatch.setenv(f"RECEIPT_{name}", value)

    return give


@pytest.fixture
def opened():
    """Opens as the environment says, and closes."""
    emitters = []

    def opens():
        emitters.append(emitter_from_environment())
        return emitters[-1]

    yield opens
    for emitter in emitters:
        emitter.journal.close()


def who(emitter, *headers):
    return emitter._account(Asked("/v1/messages", headers))


def test_the_key_table(settings, opened):
    settings(KEY_TABLE="keys.toml", TAGS="tags.toml")
    emitter = opened()
    asked = Asked("/", [(b"x-api-key", KEY)])
    caller = emitter._account(asked)
    assert caller == Caller(ACCOUNT, {"team": "search"})
    assert emitter._tagged(asked, caller) == {"team": "search"}
    assert who(emitter, (b"x-api-key", b"another")) is None


def test_the_header_of_a_trusted_proxy(settings, opened):
    settings(ACCOUNT_HEADER="x-account")
    emitter = opened()
    assert who(emitter, (b"x-account", b"globex")) == Caller("globex")
    assert who(emitter) is None


def test_cache_keys_and_the_engine_behind(settings, opened):
    settings(ACCOUNT=ACCOUNT, CACHE_KEYS="cache-keys", VLLM_BLOCK_SIZE="16", VLLM_SEED="7")
    vllm = opened().identifiers._vllm
    assert (vllm.recipe, vllm.events) == ("vllm-sha256-cbor;block=16;seed=7", None)


def test_the_events_of_the_engine(settings, opened):
    settings(ACCOUNT=ACCOUNT, CACHE_KEYS="cache-keys", VLLM_BLOCK_SIZE="16", VLLM_EVENTS="tcp://127.0.0.1:1")  # fmt: skip
    vllm = opened().identifiers._vllm
    assert vllm.events.stored(bytes(32)) is False
    vllm.events.close()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "expected one of RECEIPT_ACCOUNT, RECEIPT_ACCOUNT_HEADER, RECEIPT_KEY_TABLE, found none"),
        ({"ACCOUNT": "a", "KEY_TABLE": "keys.toml"}, "found RECEIPT_ACCOUNT and RECEIPT_KEY_TABLE"),
        ({"ACCOUNT_HEADER": "a b"}, "RECEIPT_ACCOUNT_HEADER: "),
        ({"ACCOUNT": "a", "KEYS": ""}, "RECEIPT_KEYS is not set"),
        ({"ACCOUNT": "a", "JOURNAL": ""}, "RECEIPT_JOURNAL is not set"),
        ({"ACCOUNT": "a", "TAGS": "keys.toml"}, "RECEIPT_TAGS: keys.toml"),
        ({"KEY_TABLE": "tags.toml"}, "RECEIPT_KEY_TABLE: tags.toml"),
        ({"ACCOUNT": "a", "VLLM_BLOCK_SIZE": "16"}, "RECEIPT_VLLM_BLOCK_SIZE: expected RECEIPT_CACHE_KEYS to be set as well"),
        ({"ACCOUNT": "a", "CACHE_KEYS": "cache-keys", "VLLM_EVENTS": "tcp://127.0.0.1:1"}, "RECEIPT_VLLM_EVENTS: expected RECEIPT_VLLM_BLOCK_SIZE"),
        ({"ACCOUNT": "a", "CACHE_KEYS": "cache-keys", "VLLM_BLOCK_SIZE": "0"}, "RECEIPT_VLLM_BLOCK_SIZE: "),
        ({"ACCOUNT": "a", "CACHE_KEYS": "cache-keys", "VLLM_BLOCK_SIZE": "x"}, "RECEIPT_VLLM_BLOCK_SIZE: "),
        ({"ACCOUNT": "a", "CACHE_KEYS": "cache-keys", "VLLM_BLOCK_SIZE": "16", "VLLM_EVENTS": "nonsense"}, "RECEIPT_VLLM_EVENTS: nonsense"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_and_opens_nothing(settings, folder, given, message):
    settings(**given)
    threads = threading.active_count()
    with pytest.raises(SettingError) as error:
        emitter_from_environment()
    assert message in str(error.value)
    assert threading.active_count() == threads
    assert not (folder / "issuer.db").exists()


def test_events_are_not_listened_to_without_a_journal(settings, folder):
    (folder / "issuer.db").write_text("no journal")
    settings(ACCOUNT="a", CACHE_KEYS="cache-keys", VLLM_BLOCK_SIZE="16", VLLM_EVENTS="tcp://127.0.0.1:1")  # fmt: skip
    threads = threading.active_count()
    with pytest.raises(JournalError, match=r"issuer\.db"):
        emitter_from_environment()
    assert threading.active_count() == threads
