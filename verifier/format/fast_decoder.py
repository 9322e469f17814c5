"""The claims of an ordinary receipt, fast: one pass over the bytes, without intermediate values.

`FastDecoder.receipt` returns exactly what `cbor.decode` and `receipt_schema` would return, if the receipt has the usual
fields and no fault in its numbers; else None, which means "take the slow way". It never reports a fault itself.
tests/test_fast_decoder.py holds the two ways together.

A function of it raises where a value is not in order: `ValueError`, or `IndexError` where the bytes end early.
"""

from __future__ import annotations

import struct
from typing import Any, Final, Generic, TypeVar

from verifier.format import fast_fields as fields
from verifier.format.claims import Receipt, Source
from verifier.format.fast_values import short_bytes, text
from verifier.format.fields import MAX_TIME

_USUAL_INPUT: Final = struct.Struct(">IHHHHH")
"""0a aN 01 19 LLLL 02 19 CCCC 03 19 AAAA."""
_USUAL_PLACE: Final = struct.Struct(">BHHB32sHQ")
"""19 SSSS 06 58 20 <32 bytes> 07 1b TTTTTTTTTTTTTTTT."""
_RECENT: Final = 7
"""So many encodings besides the last one are kept of a field."""
_Value = TypeVar("_Value")
Names = tuple[str, str, str]
"""Issuer, account, stream."""
Row = tuple[Any, ...]
"""The claims of an ordinary receipt, in this order."""
NAMES, SEQUENCE, PREVIOUS, TIME, REQUEST, MODEL, LOGICAL, CACHED, ATTRIBUTED, WRITES = range(10)
OUTPUT, REASONING, CACHE, SOURCE, USAGE, CHARGE, TAGS, CLIENT, UNITS = range(10, 19)


class _Recent(Generic[_Value]):
    """The encodings of the last few values of one field, the latest first, to compare with before parsing."""

    def __init__(self) -> None:
        self._known: list[tuple[bytes, _Value]] = []

    def find(self, data: bytes, at: int) -> tuple[bytes, _Value] | None:
        """The value that is encoded at ``at``, and its encoding, if it is one of the last few."""
        for known in self._known:
            if data.startswith(known[0], at):
                return known
        return None

    def add(self, data: bytes, at: int, end: int, value: _Value) -> tuple[bytes, _Value]:
        """Remember the value that is encoded from ``at`` to ``end``."""
        if end > len(data):  # a slice would not fail; what is remembered must be all there
            raise IndexError
        known = (data[at:end], value)
        self._known = [known, *self._known[:_RECENT]]
        return known


class FastDecoder:
    """Reads receipts one after the other.

    The receipts of a stream share issuer, account and stream, and mostly model, source and tags. So the reader keeps the
    encoding of the last ones, and compares before it parses.
    """

    def __init__(self) -> None:
        nothing = b"\xff"  # which begins no claim
        self._head: tuple[bytes, Names] = (nothing, ("", "", ""))
        self._heads = _Recent[Names]()
        self._model: tuple[bytes, str] = (nothing, "")
        self._models = _Recent[str]()
        self._source: tuple[bytes, bytes, Source] = (nothing, b"", Source("", "", None, None, None))
        self._tags: tuple[bytes, dict[str, str]] = (nothing, {})
        self._recent_tags = _Recent[dict[str, str]]()

    def receipt(self, data: bytes) -> Receipt | None:
        """The claims, or None if they are not an ordinary receipt's: ``cached`` stated, and every identity of the tokens kept.

        Those of a charge and of units are not looked at.
        """
        row = self.row(data)
        return None if row is None else receipt_of(row)

    def row(self, data: bytes) -> Row | None:
        """The same as a plain tuple, for who reads very many."""
        try:
            return self._row(data)
        except (IndexError, ValueError, struct.error):
            return None

    def _row(self, data: bytes) -> Row | None:
        # One long function, since this is where the time of a receipt goes: split in two where the optional fields begin,
        # a receipt of the benchmark took 7.2 us instead of 4.5.
        size = len(data)
        head, names = self._head
        if not data.startswith(head, 1):
            head, names = self._read_head(data)
        at = 1 + len(head)

        # 5 to 7: sequence, previous and time, which mostly take two, 32 and eight bytes.
        previous: bytes | None
        one, sequence, six, size_of, previous, seven, time = _USUAL_PLACE.unpack_from(data, at)
        if (
            one == 0x19
            and sequence > 0xFF
            and six == 0x0658
            and size_of == 0x20
            and seven == 0x071B
            and 0xFFFFFFFF < time < MAX_TIME
        ):
            at += _USUAL_PLACE.size
            count = 0xAA
        else:
            sequence, previous, time, at = fields.place(data, at)
            count = 0xA9 if previous is None else 0xAA
        length = data[at + 1] - 0x60
        if data[at] != 8:
            return None
        if 0 < length < 0x18:
            begin = at + 2
        elif length == 0x18:
            begin, length = at + 3, data[at + 2]
            if length < 0x18:
                return None
        else:
            return None
        at = begin + length
        request = data[begin:at]
        if not request.isascii():
            request.decode()
        encoded, model = self._model
        if not data.startswith(encoded, at):
            encoded, model = self._read_model(data, at)
        at += len(encoded)

        # 10: input, which satisfies identities 1 and 2. Its three counts mostly take two bytes each.
        head, logical, two, cached, three, attributed = _USUAL_INPUT.unpack_from(data, at)
        if (
            head & 0xFF00FFFF == 0x0A000119
            and two == 0x0219
            and three == 0x0319
            and logical > 0xFF < cached
            and attributed > 0xFF
        ):
            entries = data[at + 1]
            at += 14
        else:
            entries, logical, cached, attributed, at = fields.input_tokens(data, at)
        if cached + attributed != logical:
            return None
        writes = None
        if entries == 0xA4:
            if data[at] != 4:
                return None
            writes, at = fields.writes(data, at + 1, attributed)
        elif entries != 0xA3:
            return None

        output = reasoning = cache = source = usage = charge = tags = client = units = None
        if at < size and data[at] == 11:
            count += 1
            if data[at + 1 : at + 4] == b"\xa1\x01\x19" and data[at + 4]:
                output = data[at + 4] << 8 | data[at + 5]
                at += 6
            else:
                output, reasoning, at = fields.output(data, at + 1)
        if at < size and data[at] == 12:
            count += 1
            cache, at = fields.cache(data, at + 1, logical, cached)
        if at < size and data[at] == 13:
            count += 1
            before, after, source = self._source
            begin = at + len(before)
            if data.startswith(before, at) and data.startswith(after, begin + 32):
                usage = data[begin : begin + 32]
                at = begin + 32 + len(after)
            else:
                source, usage, at = self._read_source(data, at)
        if at < size and data[at] == 14:
            if source is not None and source.observed:
                return None
            count += 1
            charge, at = fields.charge(data, at + 1)
        if at < size and data[at] == 15:
            count += 1
            encoded, tags = self._tags
            if not data.startswith(encoded, at):
                encoded, tags = self._read_tags(data, at)
            at += len(encoded)
        if at < size and data[at] == 16:
            count += 1
            client, at = short_bytes(data, at + 1)
        if at < size and data[at] == 17:
            count += 1
            units, at = fields.units(data, at + 1)
        if at != size or data[0] != count:
            return None
        return (
            names, sequence, previous, time, request, model, logical, cached, attributed, writes,
            output, reasoning, cache, source, usage, charge, tags, client, units,
        )  # fmt: skip

    def _read_head(self, data: bytes) -> tuple[bytes, Names]:
        """Version, issuer, account, stream, and the label of the sequence."""
        known = self._heads.find(data, 1)
        if known is None:
            if data[1:4] != b"\x01\x01\x02":
                raise ValueError
            issuer, at = text(data, 4)
            if data[at] != 3:
                raise ValueError
            account, at = text(data, at + 1)
            if data[at] != 4:
                raise ValueError
            stream, at = text(data, at + 1)
            if data[at] != 5:
                raise ValueError
            known = self._heads.add(data, 1, at + 1, (issuer, account, stream))
        self._head = known
        return known

    def _read_model(self, data: bytes, at: int) -> tuple[bytes, str]:
        """The label of the model, and the model."""
        known = self._models.find(data, at)
        if known is None:
            if data[at] != 9:
                raise ValueError
            model, end = text(data, at + 1)
            known = self._models.add(data, at, end, model)
        self._model = known
        return known

    def _read_source(self, data: bytes, at: int) -> tuple[Source, bytes | None, int]:
        """The label of the source, and the source. The hash of the usage object is different in each receipt."""
        source, usage_at, end = fields.source(data, at + 1)
        if usage_at is not None and end <= len(data):
            self._source = data[at:usage_at], data[usage_at + 32 : end], source
        return source, source.usage, end

    def _read_tags(self, data: bytes, at: int) -> tuple[bytes, dict[str, str]]:
        """The label of the tags, and the tags."""
        known = self._recent_tags.find(data, at)
        if known is None:
            tags, end = fields.tags(data, at + 1)
            known = self._recent_tags.add(data, at, end, tags)
        self._tags = known
        return known


def receipt_of(row: Row) -> Receipt:
    """A row as claims."""
    names, *place, request, model, logical, cached, attributed, writes = row[:OUTPUT]
    output, reasoning, cache, source, usage, charge, tags, client, units = row[OUTPUT:]
    if source is not None and usage is not None:
        source = source._replace(usage=usage)
    counts = (logical, cached, attributed, writes, output, reasoning)
    more = (source, charge, tags, client, units)
    cached_prefixes = cache or (None, (), ())
    return Receipt._make(
        (
            *names,
            *place,
            request.decode(),
            model,
            *counts,
            *cached_prefixes,
            *more,
            None,
            None,
            None,
        )
    )
