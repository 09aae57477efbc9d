"""The stand-in for Firebase as a process of its own, for benchmarks."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Google:
    """Where it listens, and the account to use."""

    url: str
    credentials: Path


@contextmanager
def google(folder: Path) -> Iterator[Google]:
    """Start it, and stop it at the end."""
    credentials = folder / "account.json"
    command = [sys.executable, "-m", "backend.demo.firebase", "--credentials", str(credentials)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise RuntimeError("The stand-in says nothing.")
        try:
            yield Google(process.stdout.readline().strip(), credentials)
        finally:
            process.terminate()
