"""Against the reference implementations of C2SP's formats: reference.go says how c2sp.json was made with them."""

import json
from base64 import b64decode, b64encode
from hashlib import sha512
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cli.published import (
    LOG,
    NO_WITNESSES,
    WITNESS,
    MalformedError,
    NoteKey,
    read_checkpoint,
    read_policy,
)
from cli.published.notes import InvalidSignatureError, read_note
from cli.terminal import CliError
from receipts import SigningKey
from receipts.publishing import Log, sign_note, verifier_key
from verifier import root_from_path

C2SP = json.loads(Path(__file__).with_name("c2sp.json").read_text())
KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(C2SP["seed"])))
ORIGIN, HEADS = C2SP["origin"], C2SP["heads"]
ENTRIES = [sha512(f"entry {n}".encode()).digest() for n in range(len(HEADS))]
POLICY = read_policy(
    "policy",
    "# both\nwitness w1 {}\nwitness w2 {} https://witness.example.org\ngroup both all w1 w2\nquorum both\n".format(
        *C2SP["witnesses"]
    ).encode(),
)
SIZES = pytest.mark.parametrize("head", HEADS, ids=lambda head: str(head["size"]))


def grown(size):
    """A log that grew entry by entry, in this order."""
    log = Log()
    for one in ENTRIES[:size]:
        log.add([one])
    return log


@SIZES
def test_checkpoints_are_the_same_bytes(head):
    log = grown(head["size"])
    assert sign_note(log.head(ORIGIN), ORIGIN, KEY).decode() == head["checkpoint"]
    assert Log(log.entries).head(ORIGIN) == log.head(ORIGIN)


def test_the_key_as_others_write_it():
    assert verifier_key(ORIGIN, KEY.public) == C2SP["vkey"]


@SIZES
def test_inclusion_proofs_are_the_same(head):
    log, checkpoint = grown(head["size"]), head["checkpoint"].encode()
    root = read_checkpoint(checkpoint).root
    for index, path in enumerate(head["inclusion"]):
        lines = "".join(f"{one}\n" for one in path)
        expected = f"c2sp.org/tlog-proof@v1\nextra AQ==\nindex {index}\n{lines}\n".encode()
        assert log.proof(index, checkpoint, b"\x01") == expected + checkpoint
        hashes = [b64decode(one) for one in path]
        assert root_from_path(ENTRIES[index], index, head["size"], hashes) == root


@SIZES
def test_consistency_proofs_are_the_same(head):
    log, checkpoint = grown(head["size"]), head["checkpoint"].encode()
    for index, proof in enumerate(head["consistency"]):
        lines = "".join(f"{one}\n" for one in proof)
        sent = log.add_checkpoint(index + 1, checkpoint)
        assert sent == f"old {index + 1}\n{lines}\n".encode() + checkpoint
    assert log.add_checkpoint(0, checkpoint) == b"old 0\n\n" + checkpoint


@SIZES
def test_cosignatures_hold(head):
    note = read_checkpoint(head["cosigned"].encode()).note
    assert NoteKey(ORIGIN, KEY.public, LOG).check(note) == 0
    times = {name: key.check(note) for name, key in POLICY.witnesses.items()}
    assert all(time > 1_700_000_000 for time in times.values())
    assert POLICY.met_by(set(times))


@SIZES
def test_a_cosignature_is_of_its_checkpoint_and_time(head):
    note = read_note(head["cosigned"].encode())
    key = POLICY.witnesses["w1"]
    with pytest.raises(InvalidSignatureError, match="the signature of witness"):
        key.check(read_note(note.data.replace(ORIGIN.encode() + b"\n", b"api.example.net\n", 1)))
    line = note.data.splitlines(keepends=True)[-2].decode()
    name, encoded = line.split()[1:]
    raw = bytearray(b64decode(encoded))
    raw[11] ^= 1  # the last byte of the time
    changed = line.replace(encoded, b64encode(raw).decode())
    with pytest.raises(InvalidSignatureError, match=f"the signature of {name}"):
        key.check(read_note(note.data.replace(line.encode(), changed.encode())))


def test_who_has_not_signed():
    note = read_note(HEADS[0]["checkpoint"].encode())
    assert POLICY.witnesses["w1"].check(note) is None
    assert NoteKey("other.example.com", KEY.public, LOG).check(note) is None
    assert NO_WITNESSES.met_by(set())


W1, W2 = (f"witness w{n} {vkey}\n" for n, vkey in enumerate(C2SP["witnesses"], 1))


@pytest.mark.parametrize(
    ("lines", "by", "met"),
    [
        (W1 + "quorum w1\n", {"w1"}, True),
        (W1 + "quorum w1\n", set(), False),
        (W1 + W2 + "group g any w1 w2\nquorum g\n", {"w2"}, True),
        (W1 + W2 + "group g 2 w1 w2\nquorum g\n", {"w2"}, False),
        (W1 + W2 + "group g all w1\ngroup h any g w2\nquorum h\n", {"w1"}, True),
        ("log " + C2SP["vkey"] + " https://x\nquorum none\n", set(), True),
    ],
)
def test_quorums(lines, by, met):
    assert read_policy("p", lines.encode()).met_by(by) is met


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (W1, "no quorum line"),
        ("quorum w1\n", "line 1: w1 is not defined above"),
        (W1 + W1 + "quorum w1\n", "line 2: w1 is defined twice"),
        (W1 + W1.replace(" w1 ", " w3 ") + "quorum w1\n", "the key is that of another witness"),
        (W1 + "group g 2 w1\nquorum g\n", "line 2: 2 of 1"),
        (W1 + "group g all w1\ngroup h all w1\nquorum h\n", "or is in a group already"),
        (W1 + "quorum w1\nquorum w1\n", "line 3: 'quorum w1'"),
        ("witness w1 " + C2SP["vkey"] + "\nquorum w1\n", "found type 1"),
        (W1.replace("+", "+0", 1) + "quorum w1\n", "line 1: expected key id"),
        ("witness w1 x\nquorum w1\n", "is no NAME+ID+KEY"),
        ("wittness\n", "line 1: 'wittness'"),
    ],
)
def test_policies_that_are_none(lines, message):
    with pytest.raises(CliError, match="p: ") as error:
        read_policy("p", lines.encode())
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"\n1\n", b"\n01\n", "no number"),
        (b"\n1\n", b"\n-1\n", "no number"),
        (b"\n1\n", b"\n1\nmore\n", "4 lines of text, not 3"),
        (b"\n\n", b"\n", "no signature lines"),
        (b"=\n\n", b"\n\n", "no base64"),
        (b"\xe2\x80\x94 api", b"- api", "no signature line"),
        (b"api.example.com Gdr", b"api.example.com  Gdr", "no base64"),
        (b"api.example.com\n1", b"api.example.com\t\n1", "a control character"),
        (b"api", b"\xff", "not UTF-8"),
        (b"8i7P", b"8i7PAAAA", "a root of 35 bytes"),
    ],
)
def test_checkpoints_that_are_none(old, new, message):
    data = HEADS[0]["checkpoint"].encode()
    assert old in data
    with pytest.raises(MalformedError, match=message):
        read_checkpoint(data.replace(old, new, 1))


def test_a_signature_of_another_size():
    note = HEADS[0]["checkpoint"].encode()
    line = note.splitlines(keepends=True)[-1]
    encoded = line.split()[-1]
    short = b64encode(b64decode(encoded)[:-1])
    with pytest.raises(
        InvalidSignatureError, match=r"the signature of api.example.com has 63 bytes"
    ):
        NoteKey(ORIGIN, KEY.public, LOG).check(read_note(note.replace(encoded, short)))


def test_a_weak_key_signs_nothing():
    """With the identity as the key, and as R, S = 0 holds for every text."""
    identity = bytes([1]) + bytes(31)
    key = NoteKey("w", identity, WITNESS)
    forged = b64encode(key.key_id + bytes(8) + identity + bytes(32)).decode()
    note = HEADS[0]["checkpoint"] + f"— w {forged}\n"
    with pytest.raises(InvalidSignatureError, match="the key of w is weak"):
        key.check(read_note(note.encode()))


@pytest.mark.parametrize("count", [64, 65])
def test_so_many_signatures(count):
    note = HEADS[0]["checkpoint"].encode()
    data = note + (count - 1) * note.splitlines(keepends=True)[-1]
    if count == 64:
        assert len(read_note(data).signatures) == 64
        return
    with pytest.raises(MalformedError, match="65 signatures"):
        read_note(data)
