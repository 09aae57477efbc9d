"""A server as it runs in production, on ports of its own."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.config import SIDE_VARIABLES
from backend.db import Side

SEALING_KEY = b64encode(bytes(32)).decode()


@dataclass(frozen=True)
class Served:
    """Where a running server is, and what it writes down."""

    process: subprocess.Popen[bytes]
    port: int
    metrics_port: int
    log: Path

    def ask(self, path: str, **options: Any) -> tuple[int, str]:
        """Status and body."""
        return fetch(f"http://127.0.0.1:{self.port}{path}", **options)

    def figures(self) -> str:
        """What Prometheus would read."""
        return fetch(f"http://127.0.0.1:{self.metrics_port}/metrics")[1]

    def lines(self) -> list[dict[str, Any]]:
        """What it has written down; every line is JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def environment(urls: Mapping[Side, str], **more: str) -> dict[str, str]:
    """What production would set, and nothing else."""
    named = {SIDE_VARIABLES[side]: url for side, url in urls.items()}
    return {"PATH": os.defpath, "PUBLIC_URL": "https://relief.example", "SEALING_KEY": SEALING_KEY} | named | more


@contextmanager
def serve(urls: Mapping[Side, str], folder: Path, *arguments: str) -> Iterator[Served]:
    """`relief serve`, until the end of the block."""
    port, metrics_port = free_port(), free_port()
    command = [sys.executable, "-m", "backend.cli", "serve", "--bind", f"127.0.0.1:{port}", *arguments]
    log = folder / "log"
    with log.open("wb") as file:
        settings = environment(urls, METRICS_PORT=str(metrics_port), TMPDIR=str(folder))
        process = subprocess.Popen(command, env=settings, stdout=file, stderr=file)
    served = Served(process, port, metrics_port, log)
    try:
        wait_for(f"http://127.0.0.1:{port}/health/live", process)
        yield served
    finally:
        process.terminate()
        process.wait(30)


def fetch(
    url: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> tuple[int, str]:
    """Status and body of one answer over a connection of its own."""
    request = urllib.request.Request(url, method=method, headers=dict(headers or {}), data=body)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def wait_for(url: str, process: subprocess.Popen[bytes] | None = None) -> str:
    """The body of the first good answer."""
    for _ in range(600):
        with suppress(OSError):
            status, body = fetch(url)
            if status == 200:
                return body
        assert process is None or process.poll() is None
        time.sleep(0.05)
    raise AssertionError(f"{url} never answered well.")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
