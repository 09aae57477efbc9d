"""Tells what happens while it happens, in words that need no explanation."""

import sys
import textwrap
import threading
import time
from typing import TextIO

_WIDTH = 104
_INDENT = 10


class Narrator:
    """Lines with the seconds since the evening began. Threads may speak at once: each line stays whole."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._began = time.monotonic()

    def chapter(self, title: str) -> None:
        """A new part of the evening."""
        self._print(f"\n{title}\n{'─' * len(title)}")

    def say(self, text: str) -> None:
        """Something has just happened."""
        stamp = f"{time.monotonic() - self._began:6.1f} s  "
        lines = textwrap.wrap(text, _WIDTH - _INDENT, break_on_hyphens=False)
        self._print("\n".join([stamp + lines[0], *(" " * _INDENT + line for line in lines[1:])]))

    def plain(self, text: str = "") -> None:
        """A line as it is."""
        self._print(text)

    def _print(self, text: str) -> None:
        with self._lock:
            print(text, file=self._out, flush=True)
