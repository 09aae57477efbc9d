"""The processes that belong to the demo. None of them outlives it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

RELIEF = (sys.executable, "-m", "backend.cli")


class Ended(Exception):
    """A process of the demo ended by itself; the end of its log is in the message."""


class Children:
    """Processes with one environment, each with a log of its own in `folder`."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.running.values():
            process.terminate()
        for name in list(self.running):
            self.stop(name, 15 if error is None else 3)

    def start(self, name: str, *arguments: str) -> None:
        """Start `relief …` under this name. It gets no Ctrl-C of its own: we stop it."""
        with self.log(name).open("ab") as log:
            self.running[name] = subprocess.Popen(
                [*RELIEF, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | self.environment,
                start_new_session=True,
            )

    def stop(self, name: str, seconds: float) -> None:
        """Ask it to end, then make it, with everything that it has started."""
        process = self.running.pop(name)
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._kill(process)

    def kill(self, name: str) -> None:
        """End it in the middle of whatever it does, as a power cut would."""
        self._kill(self.running.pop(name))

    def look(self) -> None:
        """Raise Ended where one has ended by itself."""
        for name, process in self.running.items():
            if process.poll() is not None:
                tail = self.log(name).read_text(errors="replace")[-2000:]
                raise Ended(f"{name} ended with {process.returncode}:\n{tail}")

    def wait_for(self, url: str, seconds: float = 30) -> None:
        """Until this address answers well; raises Ended, or TimeoutError."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.look()
            try:
                if httpx.get(url, timeout=5, trust_env=False).is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise TimeoutError(f"{url} does not answer.")

    def has_said(self, name: str, event: str) -> bool:
        """Whether a process has written this event into its log."""
        return f'"event": "{event}"' in self.log(name).read_text(errors="replace")

    def log(self, name: str) -> Path:
        """Where a process writes what it has to say."""
        return self.folder / f"{name}.log"

    @staticmethod
    def _kill(process: subprocess.Popen[bytes]) -> None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
