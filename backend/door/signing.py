"""Signing what can't be seen: the issuer's half of blind RSA (RFC 9474, section 4.3).

The private operation is PyCryptodome's: constant-time, blinded once more with a factor of our own, by the Chinese
remainder theorem. Python's `pow()` would take fifty times as long and tell the exponent by its timing. Since
`cryptography` offers no bare RSA, and `_decrypt_to_bytes` is private, `tests/test_door.py` holds it to what is said
here. See docs/decisions/0002-blind-signing.md.
"""

from Crypto.Math import Numbers
from Crypto.PublicKey import RSA
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key

from backend.door.keys import EXPONENT, PublicKey
from backend.door.wire import SIGNATURE_BYTES, Unreadable

CONSTANT_TIME = Numbers.Integer.__name__ != "IntegerNative"
"""PyCryptodome falls back on Python's own numbers where its compiled part doesn't load."""


class Faulty(Exception):
    """The machine miscalculated. Giving the result away could give the key away, so nothing is given."""


class SigningKey:
    """An RSA-2048 key that signs passes, and does nothing else."""

    def __init__(self, key: RSA.RsaKey) -> None:
        self._key = key
        self.public = PublicKey(key.n)

    @classmethod
    def generate(cls) -> "SigningKey":
        """A new key; takes 30 to 300 ms."""
        return cls._from(rsa.generate_private_key(public_exponent=EXPONENT, key_size=8 * SIGNATURE_BYTES))

    @classmethod
    def from_bytes(cls, data: bytes) -> "SigningKey":
        """A key that was made by `generate`. Looking for primes again would take ten times as long as signing."""
        key = load_der_private_key(data, None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise Unreadable("This is not an RSA key.")
        return cls._from(key)

    @classmethod
    def _from(cls, key: rsa.RSAPrivateKey) -> "SigningKey":
        secret = key.private_numbers()
        parts = (secret.public_numbers.n, secret.public_numbers.e, secret.d, secret.p, secret.q)
        return cls(RSA.construct(parts, consistency_check=False))

    def to_bytes(self) -> bytes:
        """PKCS #1, to be sealed at once."""
        return self._key.export_key("DER")

    def sign(self, blinded: bytes) -> bytes:
        """The blind signature of `blinded`, both 256 bytes; raises Unreadable, Faulty."""
        return blind_sign(self._key, blinded)


def blind_sign(key: RSA.RsaKey, blinded: bytes) -> bytes:
    """BlindSign for a key of any size. The same bytes always get the same signature.

    Refuses 0, 1, n - 1 and more, whose signatures are themselves and so tell nothing but mistakes.
    """
    size, message = key.size_in_bytes(), int.from_bytes(blinded)
    if len(blinded) != size or not 1 < message < key.n - 1:
        raise Unreadable("The blinded message is out of range.")
    if not CONSTANT_TIME:
        raise Faulty("PyCryptodome's compiled arithmetic is missing: signing would leak the key.")
    signature = int.from_bytes(key._decrypt_to_bytes(message))
    if pow(signature, key.e, key.n) != message:
        raise Faulty("A signature did not verify.")
    return signature.to_bytes(size)
