"""Names that the server makes for officers: two words and a number, easy to write down, about nobody."""

import secrets
from pathlib import Path

from mnemonic import Mnemonic

_UNKIND = frozenset(Path(__file__).with_name("unkind.txt").read_text().split())
_WORDS = tuple(word for word in Mnemonic("english").wordlist if word not in _UNKIND)


def make_name() -> str:
    """Like `cedar-morning-4821`: from the words of BIP-39, without those that nobody should be called."""
    first, second = secrets.choice(_WORDS), secrets.choice(_WORDS)
    return f"{first}-{second}-{1000 + secrets.randbelow(9000)}"


def as_meant(name: str) -> str:
    """A name as people type it: capitals, blanks and dashes don't matter."""
    return "-".join(name.lower().replace("-", " ").split())
