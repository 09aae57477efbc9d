"""What one phone knows of the public record, and when it believes it."""

import hashlib
import json
from typing import Any

from backend.base64url import decode_base64
from backend.demo.line import Line
from backend.rules import record as rules


class Distrust(Exception):
    """The record doesn't fit the one that this phone knows: it draws, spends and seals nothing, and says why."""


class Record:
    """The chain as far as this phone has followed it, under the fingerprint that was printed on its voucher."""

    def __init__(self, line: Line, fingerprint: str) -> None:
        self._line = line
        self._fingerprint = fingerprint
        self._public_key = b""
        self._hashes = [rules.FIRST_PREVIOUS]
        self._said: dict[int, dict[str, Any]] = {}

    @property
    def head(self) -> bytes:
        """The hash of the last document that it has checked."""
        return self._hashes[-1]

    def read(self, kind: str) -> Any:
        """The body of the newest document of a kind, checked from the fingerprint down; raises Distrust."""
        file = self._line.read(f"/v1/public/{kind}")
        self._trust(decode_base64(file["public_key"]))
        self._follow(file["sequence"])
        body = file["body"].encode()
        said = self._said[file["sequence"]]
        if said["kind"] != kind or said["body"] != hashlib.sha256(body).hexdigest():
            raise Distrust(f"The file “{kind}” is not the one in the record.")
        return json.loads(body)

    def catch_up(self) -> None:
        """Follow the chain to its head; raises Distrust where it is shorter than the one that this phone knows."""
        head = self._line.read("/v1/public/record")
        self._trust(decode_base64(head["public_key"]))
        if head["sequence"] < len(self._hashes) - 1:
            raise Distrust("The record has become shorter.")
        self._follow(head["sequence"])
        if head["hash"] != self._hashes[head["sequence"]].hex():
            raise Distrust("The record has two heads.")

    def _trust(self, public_key: bytes) -> None:
        if rules.fingerprint(public_key) != self._fingerprint:
            raise Distrust("The record is signed by a key that is not the one on the voucher.")
        self._public_key = public_key

    def _follow(self, until: int) -> None:
        for sequence in range(len(self._hashes), until + 1):
            shown = self._line.read(f"/v1/public/record/{sequence}")
            signed = rules.Signed(shown["document"].encode(), decode_base64(shown["signature"]))
            try:
                self._said[sequence] = rules.follow(self._public_key, sequence, self.head, signed)
            except rules.Broken as broken:
                raise Distrust(str(broken)) from None
            self._hashes.append(signed.hash)
