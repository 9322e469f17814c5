"""What got past the emitting side, or brought it to a stop, in an attack on it: each test fails while its hole is there."""

import json
import os

import pytest

from receipts import Counts, Journal, JournalError
from receipts.key_folder import KeyFolder
from tests.build import ACCOUNT, ISSUER, KEY


@pytest.fixture
def journal(folder):
    with Journal(str(folder / "issuer.db"), ISSUER, KEY) as journal:
        yield journal


def asked_of(journal, number):
    return journal.submit(ACCOUNT, request=f"r-{number}", model="m", counts=Counts(1))


def test_whoever_signs_survives_every_error(journal, monkeypatch):
    """One exception that was not expected ended the thread, and each later answer waited for ever."""
    sign = journal._issuer.issue_claims

    def broken(*_):
        raise RuntimeError("odd")

    monkeypatch.setattr(journal._issuer, "issue_claims", broken)
    expected = r"the receipts could not be signed or written: RuntimeError\('odd'\)"
    with pytest.raises(JournalError, match=expected):
        asked_of(journal, 1).result(10)
    monkeypatch.setattr(journal._issuer, "issue_claims", sign)
    assert asked_of(journal, 1).result(10).sequence == 0


@pytest.mark.parametrize("instead", ["a file", "a loop of links"])
def test_a_key_folder_that_cannot_be_looked_at(folder, keys, caplog, instead):
    """What was read before goes on, as it does where the file is gone."""
    place = folder / "keys"
    with Journal(str(folder / "issuer.db"), ISSUER, KeyFolder(place)) as journal:
        keys.rename(folder / "away")
        if instead == "a file":
            place.write_bytes(b"")
        else:
            os.symlink("keys", place)
        assert asked_of(journal, 1).result(10).sequence == 0
    assert f"{place}/issuer.jwks.json has changed and cannot be used" in caplog.text
