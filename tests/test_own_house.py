"""With no database named, `relief` brings its own, and commands in other terminals find it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import free_port, wait_for

pytestmark = pytest.mark.real


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder of one's own, which the unprivileged user that PostgreSQL runs as may pass through."""
    with tempfile.TemporaryDirectory(prefix="relief-home-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "backend.cli", *arguments],
        env={"PATH": os.defpath, "XDG_DATA_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def say(home: Path, *arguments: str) -> str:
    """What a command prints; it must succeed."""
    command = start(home, *arguments)
    said, _ = command.communicate(timeout=60)
    assert command.returncode == 0, said
    return said


def test_one_command_serves_and_others_find_it_even_after_a_crash(home: Path) -> None:
    port = free_port()
    serving = start(home, "serve", "--bind", f"127.0.0.1:{port}")
    try:
        wait_for(f"http://127.0.0.1:{port}/health/ready")
        key = home / "relief" / "sealing.key"
        assert key.stat().st_mode & 0o777 == 0o600
        assert json.loads((home / "relief" / "running.json").read_text())["PUBLIC_URL"] == f"http://localhost:{port}"
        assert say(home, "migrate") == "The database is up to date.\n"
        before = key.read_text()
    finally:
        os.killpg(serving.pid, signal.SIGKILL)
        serving.communicate()
    assert say(home, "migrate") == "The database is up to date.\n"
    assert not (home / "relief" / "running.json").exists()
    assert key.read_text() == before
