"""Ed25519 (RFC 8032) with the edges cut off, so that every library gives the same verdict.

`cryptography` (OpenSSL) and libsodium differ on keys and signatures that no honest signer makes: points of
small order, points outside the prime-order subgroup, encodings that are not canonical. A key is therefore
examined once, when it is loaded (`weakness`), and every signature's R is held against the encodings of the
small-order points. What is left is accepted or refused by both alike.

This is the one module that may use PyNaCl: where it is installed, it verifies about twice as fast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

try:
    from nacl.bindings import crypto_sign_open
    from nacl.exceptions import BadSignatureError
except ImportError:  # an optional extra; the verdict is the same without it
    _HAS_PYNACL = False
else:
    _HAS_PYNACL = True

Verify = Callable[[bytes, bytes], None]
"""Takes signature and message; raises `SignatureError`."""

CRYPTOGRAPHY: Final = "cryptography"
PYNACL: Final = "pynacl"
BACKENDS: Final = (PYNACL, CRYPTOGRAPHY) if _HAS_PYNACL else (CRYPTOGRAPHY,)
"""What is installed, the faster one first."""

_P: Final = 2**255 - 19
_L: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, _P) % _P
_SIGN: Final = 1 << 255


_SMALL_R: Final = "the signature does not hold: R is a point of small order"
_INVALID: Final = "the signature does not hold for the content and the key"


class SignatureError(ValueError):
    """The signature does not hold for the message and the key. ``rule``: which rule of step 5 it breaks."""

    def __init__(self, message: str, rule: str) -> None:
        super().__init__(message)
        self.rule = rule


def verifier(public: bytes, backend: str = BACKENDS[0]) -> Verify:
    """The function that checks signatures of a key that `weakness` has found sound."""
    return _pynacl(public) if backend == PYNACL else _cryptography(public)


def _cryptography(public: bytes) -> Verify:
    library_verify = Ed25519PublicKey.from_public_bytes(public).verify

    def verify(signature: bytes, message: bytes) -> None:
        if signature[:32] in SMALL_ORDER:
            raise SignatureError(_SMALL_R, "R-5.1")
        try:
            library_verify(signature, message)
        except InvalidSignature:
            raise SignatureError(_INVALID, "R-5.2") from None

    return verify


def _pynacl(public: bytes) -> Verify:
    def verify(signature: bytes, message: bytes) -> None:
        if signature[:32] in SMALL_ORDER:
            raise SignatureError(_SMALL_R, "R-5.1")
        try:
            crypto_sign_open(signature + message, public)
        except BadSignatureError:
            raise SignatureError(_INVALID, "R-5.2") from None

    return verify


def weakness(public: bytes) -> str | None:
    """Why a public key must not be trusted, or None if it is sound (spec/receipt.md, Keys)."""
    if len(public) != 32:
        return f"it has {len(public)} bytes, not 32"
    encoded = int.from_bytes(public, "little")
    y, sign = encoded & ~_SIGN, encoded >> 255
    if y >= _P:
        return "its y coordinate is not reduced modulo p"
    x = _recover_x(y)
    if x is None:
        return "it is not a point of the curve"
    if x == 0 and sign:
        return "it is zero with the sign bit set"
    if public in SMALL_ORDER:
        return "it is a point of small order"
    if not _is_identity(_multiply(_L, (x if x & 1 == sign else _P - x, y))):
        return "it is outside the prime-order subgroup"
    return None


def _encodings(y: int) -> set[bytes]:
    """Every way to write the points with this y: both signs, and y + p where that fits."""
    return {
        (value | sign).to_bytes(32, "little")
        for value in (y, y + _P)
        if value < _SIGN
        for sign in (0, _SIGN)
    }


# The y coordinates of the eight points whose order divides the cofactor: order 1, 2, 4, 8 and 8.
_Y8: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
SMALL_ORDER: Final[frozenset[bytes]] = frozenset(
    encoding for y in (1, _P - 1, 0, _Y8, _P - _Y8) for encoding in _encodings(y)
)

_Point = tuple[int, int, int, int]
_IDENTITY: Final[_Point] = (0, 1, 1, 0)


def _recover_x(y: int) -> int | None:
    """A square root of x^2 = (y^2 - 1) / (d y^2 + 1), RFC 8032 section 5.1.3."""
    squared = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(squared, (_P + 3) // 8, _P)
    if (x * x - squared) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    return None if (x * x - squared) % _P else x


def _add(one: _Point, two: _Point) -> _Point:
    """RFC 8032 section 5.1.4, extended homogeneous coordinates."""
    (x1, y1, z1, t1), (x2, y2, z2, t2) = one, two
    a, b = (y1 - x1) * (y2 - x2) % _P, (y1 + x1) * (y2 + x2) % _P
    c, d = 2 * t1 * t2 * _D % _P, 2 * z1 * z2 % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _multiply(scalar: int, affine: tuple[int, int]) -> _Point:
    x, y = affine
    result, power = _IDENTITY, (x, y, 1, x * y % _P)
    while scalar:
        if scalar & 1:
            result = _add(result, power)
        power = _add(power, power)
        scalar >>= 1
    return result


def _is_identity(point: _Point) -> bool:
    x, y, z, _ = point
    return x == 0 and (y - z) % _P == 0
