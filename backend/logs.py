"""What may be written down: one line of JSON an event, of keys and values that are listed here, and of nothing else.

No address, agent, path, body, token or name has a key. A value that is not of its key's form is left out. Of an
exception its type and its place in the code are kept, never its message, which may quote what somebody sent.
"""

import logging
import re
import sys
import threading
from collections.abc import Callable, MutableMapping
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog

_ROOT = Path(__file__).parent.parent
_EVENT = re.compile(r"[a-z][a-z ,'-]{0,79}")
_TYPE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")
_PLACE = re.compile(r"[A-Za-z0-9_/.-]{1,120}:\d+")
_LOGGER = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,79}")
_TIME = re.compile(r"[0-9T:-]{19}Z")


def _like(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _listed(value: Any) -> bool:
    """One of a list in the code, which no caller can add to."""
    return isinstance(value, StrEnum)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float))


KEYS: dict[str, Callable[[Any], bool]] = {
    "time": _like(_TIME),
    "level": _like(_EVENT),
    "event": _like(_EVENT),
    "logger": _like(_LOGGER),
    "error": _like(_TYPE),
    "place": _like(_PLACE),
    "kind": _listed,
    "side": _listed,
    "outcome": _listed,
    "attempts": _number,
    "count": _number,
    "seconds": _number,
    "status": _number,
    "pid": _number,
}
"""Everything that a line may hold."""

GUNICORN = {
    "Starting gunicorn %s": "gunicorn starts",
    "Listening at: %s (%s)": "gunicorn listens",
    "Connection in use: %s": "the port is taken",
    "Invalid address: %s": "there is no such address to listen on",
    "Can't connect to %s": "gunicorn can't listen",
    "Booting worker with pid: %s": "a web process starts",
    "Worker exiting (pid: %s)": "a web process ends",
    "WORKER TIMEOUT (pid:%s)": "a web process hangs",
    "Worker (pid:%s) exited with code %s.": "a web process failed",
    "Worker (pid:%s) was sent %s!": "a web process was stopped",
    "Worker (pid:%s) was sent %s! Perhaps out of memory?": "a web process was killed",
    "Handling signal: %s": "gunicorn got a signal",
    "Shutting down: %s": "gunicorn ends",
}
"""What gunicorn says of itself, in our words; whatever else it says may quote a request."""


def configure() -> None:
    """From here on this process writes only such lines, to standard error, whoever speaks."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%SZ", utc=True, key="time"),
            keep_listed,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.captureWarnings(True)
    logging.basicConfig(handlers=[Reduced()], level=logging.WARNING, force=True)
    sys.excepthook = lambda _, error, __: failed("the process failed", error)
    threading.excepthook = lambda failure: failed("a thread failed", failure.exc_value)
    sys.unraisablehook = lambda failure: failed("something failed unseen", failure.exc_value)


def keep_listed(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last look before a line is written."""
    return {key: event[key] for key in KEYS if key in event and KEYS[key](event[key])}


def failed(event: str, error: BaseException | None, **facts: Any) -> None:
    """One line about an exception: its type, and where in our code it came up."""
    structlog.get_logger().error(event, error=type(error).__name__, place=_place(error), **facts)


def _place(error: BaseException | None) -> str | None:
    """The innermost line of ours in the traceback, else the innermost of all."""
    frames = list(_frames(error.__traceback__ if error else None))
    ours = [(path, line) for path, line in frames if path.is_relative_to(_ROOT / "backend")]
    for path, line in reversed(ours or frames):
        return f"{path.relative_to(_ROOT) if ours else path.name}:{line}"
    return None


def _frames(trace: TracebackType | None) -> Any:
    while trace:
        yield Path(trace.tb_frame.f_code.co_filename), trace.tb_lineno
        trace = trace.tb_next


class Reduced(logging.Handler):
    """What libraries want to say: who speaks, how loud, and the type of an exception; never their words."""

    def emit(self, record: logging.LogRecord) -> None:
        event = GUNICORN.get(str(record.msg))
        if event is None and record.levelno < logging.WARNING:
            return
        error = record.exc_info[1] if record.exc_info else None
        facts: dict[str, Any] = {"logger": record.name, "pid": record.process}
        if error is not None:
            facts |= {"error": type(error).__name__, "place": _place(error)}
        structlog.get_logger().log(record.levelno, event or "a library speaks", **facts)
