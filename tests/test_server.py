"""The server as it runs in production: what it writes down, what it counts, and what it says when it fails."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from backend.db import Side
from backend.demo.firebase import StandIn
from tests.serving import Served, environment, free_port, serve, wait_for

MARK = "tell-nobody-83"
NOWHERE = f"postgresql://{MARK}:{MARK}@127.0.0.1:1/{MARK}"

pytestmark = pytest.mark.real


def served_sides(clone: dict[Side, str]) -> dict[Side, str]:
    return {side: clone[side] for side in (Side.IDENTIFIED, Side.ANONYMOUS)}


def send_bytes(served: Served, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        connection.sendall(raw)
        connection.recv(4096)


def test_nothing_that_was_sent_is_written_down(clone: dict[Side, str], tmp_path: Path) -> None:
    with serve(served_sides(clone), tmp_path) as served:
        headers = {"Authorization": f"Bearer relief-staff-{MARK}", "User-Agent": MARK, "X-Forwarded-For": MARK}
        body = json.dumps({MARK: MARK}).encode()
        as_json = headers | {"Content-Type": "application/json"}
        assert served.ask(f"/v1/{MARK}?{MARK}", headers=headers)[0] == 404
        assert served.ask("/v1/sessions", method="POST", headers=as_json, body=body)[0] in (400, 422)
        send_bytes(served, f"GET /{MARK} {MARK}\r\n{MARK}\r\n\r\n".encode())
        send_bytes(served, f"GET / HTTP/1.1\r\nHost: x\r\n{MARK} : {MARK}\r\n\r\n".encode())
        with psycopg.connect(clone[Side.OWNER], autocommit=True) as owner:
            owner.execute("DROP TABLE agency.staff_session CASCADE")
        status, said = served.ask("/v1/staff/offers", headers=headers)
        assert status == 500
        assert json.loads(said)["type"] == "/problems/internal-server-error"
        [failure] = [line for line in served.lines() if line["event"] == "a request failed"]
        assert failure["error"] == "ProgrammingError"
        assert failure["place"].startswith("backend/")
        assert "relief_failures_total 1.0" in served.figures()
    written = served.log.read_text()
    assert MARK not in written
    assert "127.0.0.1" not in written
    assert served.lines()[-1]["event"] == "gunicorn ends"


def test_the_anonymous_side_is_not_counted(clone: dict[Side, str], tmp_path: Path) -> None:
    with serve(served_sides(clone), tmp_path) as served:
        for _ in range(5):
            served.ask("/health/ready")
            served.ask("/v1/anon/support-requests", method="POST")
            served.ask("/v1/public/news")
            served.ask("/v1/staff/offers")
            served.ask("/v1/staff/devices")
        figures = served.figures()
        assert 'relief_answers_seconds_count{route="/health/ready",status="2xx"} 5.0' in figures
        assert 'relief_answers_seconds_count{route="/v1/staff/devices",status="4xx"} 5.0' in figures
        assert "anon" not in figures
        assert "offers" not in figures
        assert "public" not in figures
        assert served.ask("/metrics")[0] == 404


def test_one_side_alone_knows_only_its_own(clone: dict[Side, str], tmp_path: Path) -> None:
    with serve({Side.IDENTIFIED: clone[Side.IDENTIFIED]}, tmp_path, "--side", "identified") as served:
        assert served.ask("/health/ready") == (200, '{"status":"ready"}\n')
        paths = json.loads(served.ask("/openapi.json")[1])["paths"]
        assert "/v1/enrolments" in paths
        assert not [path for path in paths if path.startswith(("/v1/anon", "/v1/staff", "/v1/public"))]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="Only Linux shows a process's environment.")
def test_a_web_process_holds_no_secret_of_others(
    clone: dict[Side, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = dict.fromkeys(("FIREBASE_CREDENTIALS", "FIREBASE_CREDENTIALS_JSON"), MARK)
    monkeypatch.setattr("tests.serving.environment", lambda urls, **more: environment(urls, **more, **credentials))
    with serve(clone, tmp_path, "--side", "identified") as served:
        children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()
        assert children
        for pid in (served.process.pid, *children):
            held = Path(f"/proc/{pid}/environ").read_text()
            assert clone[Side.IDENTIFIED] in held
            assert not [side for side in clone if side is not Side.IDENTIFIED and clone[side] in held]
            assert MARK not in held


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ANONYMOUS_DATABASE_URL": ""}, "ANONYMOUS_DATABASE_URL is missing"),
        ({"SEALING_KEY": MARK}, "SEALING_KEY must be 32 random bytes"),
        ({"PUBLIC_URL": f"http://{MARK}.example"}, "PUBLIC_URL must begin with https://"),
        ({"METRICS_PORT": MARK}, "METRICS_PORT must be a number"),
        (
            {"ANONYMOUS_DATABASE_URL": f"postgresql://{MARK}:{MARK}@127.0.0.1:1/{MARK}"},
            "The database can't be reached.",
        ),
    ],
)
def test_what_is_missing_is_said_in_one_line(clone: dict[Side, str], changes: dict[str, str], said: str) -> None:
    settings = environment(served_sides(clone)) | changes
    done = subprocess.run(
        [sys.executable, "-m", "backend.cli", "serve"], env=settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert MARK not in done.stderr


def test_a_worker_without_credentials_says_so(clone: dict[Side, str]) -> None:
    settings = environment({Side.WORKER: clone[Side.WORKER]})
    done = subprocess.run(
        [sys.executable, "-m", "backend.cli", "worker"], env=settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("relief: FIREBASE_CREDENTIALS is missing")
    assert done.stderr.count("\n") == 1


def test_a_worker_sends_no_push_in_the_clear(clone: dict[Side, str]) -> None:
    settings = environment({Side.WORKER: clone[Side.WORKER]}, PUSH_URL=f"http://{MARK}.example")
    done = subprocess.run(
        [sys.executable, "-m", "backend.cli", "worker"], env=settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("relief: PUSH_URL must begin with https://")
    assert MARK not in done.stderr


def test_a_worker_tells_how_the_work_stands(clone: dict[Side, str], tmp_path: Path) -> None:
    with StandIn(tmp_path / "firebase.json") as firebase:
        port = free_port()
        settings = environment(
            {Side.WORKER: clone[Side.WORKER]},
            FIREBASE_CREDENTIALS=str(firebase.credentials),
            PUSH_URL=firebase.url,
            METRICS_PORT=str(port),
        )
        worker = subprocess.Popen([sys.executable, "-m", "backend.cli", "worker"], env=settings)
        try:
            figures = wait_for(f"http://127.0.0.1:{port}/metrics")
        finally:
            worker.terminate()
            worker.wait(30)
    for name in ("relief_jobs_waiting", "relief_jobs_dead 0.0", "relief_jobs_oldest_seconds"):
        assert f"\n{name}" in figures
