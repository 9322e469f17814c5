"""Packs on which two verifiers are compared: what anybody may have sealed, since a seal needs no key. Each follows from its number alone."""

import json
from hashlib import sha256
from io import BytesIO
from random import Random
from zipfile import ZipFile

from tests.build import KEY, SECOND, jwk_set
from tests.fuzz.mutation import mutated
from tests.test_vectors import DOCUMENTS, input_of, key_sets
from tests.vectors.packs import archive, sealed
from verifier import canonical

VALUES = (
    0, 1, 2, -1, 2**53 - 1, 86_400_000, 86_400_001, True, None, "", "x", "signed", "record", "asserted", "count-differs", "gpu-7-1",
    "0" * 64, "objects/1.cbor", "README.md", "\U0001f600", "\ue000", [], ["x"], [1], {}, {"x": "x"}, {"x": 1},
)  # fmt: skip


def pack_of(number):
    """Bytes of a pack, the key sets of the caller, and options."""
    random = Random(f"pack/{number}")
    document = DOCUMENTS["packs.json"]
    vector = random.choice(
        [one for one in document["vectors"] if one["verdict"] in ("verified", "incomplete")]
    )
    make = random.choice((_bytes, _manifest, _manifest, _member, _members, _seal))
    return make(input_of(vector), random), key_sets(document, vector), dict(vector["options"])


def _bytes(data, random):
    return mutated([data], random)


def _manifest(data, random):
    """With one value of the manifest that is another one, or not there, or one more."""
    members = members_of(data)
    manifest = json.loads(members["manifest.json"])
    at = random.choice(_places(manifest))
    if random.random() < 0.2:
        _add(at, random)
    elif at:
        name = random.choice([*at] if isinstance(at, dict) else range(len(at)))
        if random.random() < 0.2:
            del at[name]
        else:
            at[name] = random.choice(VALUES)
    return _archive(members, manifest)


def _add(at, random):
    if isinstance(at, dict):
        at[random.choice(("x", "request", "count", "record/1.jsonl", "\U0001f600", "\ue000"))] = random.choice(VALUES)  # fmt: skip
    else:
        at.append(random.choice([*at, *VALUES]))


def _places(value):
    """Every array and object in a value, and itself."""
    inner = value.values() if isinstance(value, dict) else value
    return [value, *(place for one in inner if isinstance(one, dict | list) for place in _places(one))]  # fmt: skip


def _member(data, random):
    """With another text in a member, which the manifest lists."""
    members = members_of(data)
    name = random.choice([name for name in members if name not in ("manifest.json", "seal.cbor")])
    members[name] = mutated([members[name]], random)
    return _listed(members)


def _members(data, random):
    """With a member too many, or too few, or one in the place of another."""
    members = members_of(data)
    name, other = random.choice([*members]), random.choice([*members])
    change = random.choice(("more", "less", "moved"))
    if change == "more":
        members[random.choice(("objects/9.cbor", "keys/9.jwks.json", "maker.jwks.json", "x", "é", "cache-key.json"))] = members[name]  # fmt: skip
    elif change == "less":
        del members[name]
    else:
        members[name] = members[other]
    return _listed(members) if random.random() < 0.5 and "manifest.json" in members else archive(members)  # fmt: skip


def members_of(data):
    with ZipFile(BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}


def _listed(members):
    try:
        manifest = json.loads(members["manifest.json"])
    except ValueError:
        return archive(members)
    manifest["members"] = {name: sha256(one).hexdigest() for name, one in members.items() if name not in ("manifest.json", "seal.cbor")}  # fmt: skip
    return _archive(members, manifest)


def _archive(members, manifest):
    """Sealed anew: by nobody, or by the key of the vectors' maker."""
    signed = isinstance(manifest, dict) and manifest.get("maker") is not None
    return archive({**members, **sealed(canonical(manifest), SECOND if signed else None)})


def _seal(data, random):
    """Of a maker, and spoiled in several ways."""
    members = members_of(data)
    manifest = json.loads(members["manifest.json"]) | {"maker": jwk_set(SECOND)["keys"][0]["kid"]}
    owner = random.choice((SECOND, SECOND, SECOND, KEY))
    members["maker.jwks.json"] = json.dumps(jwk_set(owner, issuer="https://auditor.example")).encode()  # fmt: skip
    manifest["members"]["maker.jwks.json"] = sha256(members["maker.jwks.json"]).hexdigest()
    members |= sealed(canonical(manifest), random.choice((SECOND, SECOND, SECOND, KEY, None)))
    if random.random() < 0.5:
        members["seal.cbor"] = mutated([members["seal.cbor"]], random)
    return archive(members)
