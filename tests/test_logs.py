"""What may be written down, and that nothing else is."""

import json
import subprocess
import sys
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backend.jobs import Kind
from backend.logs import KEYS, keep_listed

MARK = "Tell-Nobody"

SPEAKERS = f"""
import logging, threading, warnings
import structlog
from backend import logs
logs.configure()
logging.getLogger("gunicorn.error").setLevel("INFO")
structlog.get_logger().info("work done", count=3, kind="{MARK}", name="{MARK}", seconds=0.5)
structlog.get_logger().info("{MARK} asked for help")
logging.getLogger("urllib3").warning("GET /v1/{MARK}")
logging.getLogger("gunicorn.error").warning("Invalid request from ip={MARK}: {MARK}")
logging.getLogger("gunicorn.error").info("Booting worker with pid: %s", 7)
logging.getLogger("gunicorn.error").info("{MARK}")
warnings.warn("{MARK}")
try:
    raise ValueError("{MARK}")
except ValueError as error:
    logs.failed("a deed failed", error, attempts=2)
    logging.getLogger("flask").exception("{MARK}")
thread = threading.Thread(target=lambda: int("{MARK}"))
thread.start()
thread.join()
raise RuntimeError("{MARK}")
"""


def test_whoever_speaks_only_listed_keys_are_written() -> None:
    done = subprocess.run([sys.executable, "-c", SPEAKERS], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert MARK not in done.stderr
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stderr.splitlines()]
    assert all(line.keys() <= KEYS.keys() for line in lines)
    first = lines[0]
    assert (first["event"], first["count"], first["seconds"]) == ("work done", 3, 0.5)
    assert {"kind", "name"}.isdisjoint(first)
    said = [(line.get("event"), line.get("logger"), line.get("error")) for line in lines[1:]]
    assert said == [
        (None, None, None),
        ("a library speaks", "urllib3", None),
        ("a library speaks", "gunicorn.error", None),
        ("a web process starts", "gunicorn.error", None),
        ("a library speaks", "py.warnings", None),
        ("a deed failed", None, "ValueError"),
        ("a library speaks", "flask", "ValueError"),
        ("a thread failed", None, "ValueError"),
        ("the process failed", None, "RuntimeError"),
    ]


@given(st.dictionaries(st.sampled_from([*KEYS, "body", "path", "address", "token"]), st.text()))
def test_a_free_text_is_kept_under_no_key_that_asks_for_a_number_or_a_listed_word(event: dict[str, Any]) -> None:
    kept = keep_listed(None, "info", dict(event))
    assert {"kind", "side", "outcome", "count", "seconds", "status", "pid", "attempts"}.isdisjoint(kept)
    assert kept.keys() <= KEYS.keys()


def test_a_listed_word_is_kept() -> None:
    assert keep_listed(None, "info", {"event": "a deed failed", "kind": Kind.PUSH}) == {
        "event": "a deed failed",
        "kind": Kind.PUSH,
    }
