"""The public half of a key that signs passes: how it is written, what it is called, what it verifies."""

import hashlib
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from backend.door.wire import SIGNATURE_BYTES, Unreadable

EXPONENT = 65537

# A SubjectPublicKeyInfo with the RSASSA-PSS object identifier, SHA-384, MGF1 with SHA-384 and 48 bytes of salt
# (RFC 9578, section 6.5; RFC 4055). With 2048 bits and the exponent 65537, only the modulus is left to vary.
_BEFORE = bytes.fromhex(
    "30820152"
    "303d06092a864886f70d01010a3030"
    "a00d300b0609608648016503040202"
    "a11a301806092a864886f70d010108300b0609608648016503040202"
    "a203020130"
    "0382010f00"
    "3082010a0282010100"
)
_AFTER = bytes.fromhex("0203010001")
SPKI_BYTES = len(_BEFORE) + SIGNATURE_BYTES + len(_AFTER)

_SCHEME = padding.PSS(mgf=padding.MGF1(hashes.SHA384()), salt_length=48)


@dataclass(frozen=True)
class PublicKey:
    """An RSA-2048 key that verifies passes."""

    modulus: int
    _verifier: rsa.RSAPublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        verifier = rsa.RSAPublicNumbers(EXPONENT, self.modulus).public_key()
        object.__setattr__(self, "_verifier", verifier)

    @property
    def spki(self) -> bytes:
        """The key as phones get it: 342 bytes."""
        return _BEFORE + self.modulus.to_bytes(SIGNATURE_BYTES) + _AFTER

    @property
    def key_id(self) -> bytes:
        """SHA-256 of `spki` (RFC 9578, section 6.5)."""
        return hashlib.sha256(self.spki).digest()

    @classmethod
    def from_spki(cls, data: bytes) -> "PublicKey":
        """Raises Unreadable for anything but such a key, byte for byte."""
        modulus = data[len(_BEFORE) : -len(_AFTER)]
        if len(data) != SPKI_BYTES or data != _BEFORE + modulus + _AFTER:
            raise Unreadable("This is not an RSASSA-PSS key for token type 0x0002.")
        if not (modulus[0] & 0x80 and modulus[-1] & 1):
            raise Unreadable("This is not a modulus of 2048 bits.")
        return cls(int.from_bytes(modulus))

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's RSASSA-PSS signature of `message`."""
        try:
            self._verifier.verify(signature, message, _SCHEME, hashes.SHA384())
        except InvalidSignature:
            return False
        return True
