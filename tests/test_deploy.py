"""What is said to Fly, to Docker and to compose, held against what the server needs."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend import wsgi
from backend.cli import main
from backend.config import SIDE_VARIABLES
from backend.db import Side

ROOT = Path(__file__).parent.parent


@pytest.fixture
def fly() -> dict[str, Any]:
    return tomllib.loads((ROOT / "fly.toml").read_text(encoding="utf-8"))


@pytest.fixture
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return found


def seconds(said: str) -> int:
    return int(said.removesuffix("s"))


def test_fly_runs_web_and_worker_from_one_image(fly: dict[str, Any]) -> None:
    assert fly["build"] == {"dockerfile": "Dockerfile"}
    assert set(fly["processes"]) == {"web", "worker"}
    commands = [*fly["processes"].values(), fly["deploy"]["release_command"]]
    assert {command.split()[0] for command in commands} <= set(main.commands)
    assert fly["processes"]["web"].endswith(f":{fly['http_service']['internal_port']}")


def test_fly_never_lets_a_request_for_help_wait_for_a_cold_start(fly: dict[str, Any]) -> None:
    service = fly["http_service"]
    assert service["processes"] == ["web"]
    assert service["auto_stop_machines"] == "off"
    assert service["min_machines_running"] >= 2
    assert service["force_https"] is True
    assert service["concurrency"]["type"] == "requests"
    assert [check["path"] for check in service["checks"]] == ["/health/ready"]


def test_fly_watches_the_worker_and_gives_credentials_to_it_alone(fly: dict[str, Any]) -> None:
    port = int(fly["env"]["METRICS_PORT"])
    check = fly["checks"]["worker"]
    assert (check["processes"], check["port"], check["path"]) == (["worker"], port, "/metrics")
    assert [(metrics["port"], metrics["path"]) for metrics in fly["metrics"]] == [(port, "/metrics")]
    [file] = fly["files"]
    assert file["processes"] == ["worker"]
    assert file["guest_path"] == fly["env"]["FIREBASE_CREDENTIALS"]
    assert "statics" not in fly


def test_requests_in_flight_are_given_time_to_end(fly: dict[str, Any]) -> None:
    assert fly["kill_signal"] == "SIGTERM"
    assert seconds(fly["kill_timeout"]) > wsgi.graceful_timeout


def test_no_secret_stands_in_a_file(fly: dict[str, Any], compose: dict[str, Any]) -> None:
    assert not {"SEALING_KEY", *SIDE_VARIABLES.values()} & set(fly["env"])
    for service in compose["services"].values():
        for name, value in service["environment"].items():
            if name in SIDE_VARIABLES.values() or name.endswith(("_KEY", "_PASSWORD")):
                assert ":?}" in value, name


def test_compose_gives_each_process_only_its_own_sides(compose: dict[str, Any]) -> None:
    given = {
        name: {side for side in Side if SIDE_VARIABLES[side] in service["environment"]}
        for name, service in compose["services"].items()
    }
    assert given == {
        "postgresql": set(),
        "migrate": set(Side),
        "web": {Side.IDENTIFIED, Side.ANONYMOUS},
        "worker": {Side.WORKER},
    }
    assert compose["services"]["web"]["ports"] == ["127.0.0.1:8080:8080"]
    assert "ports" not in compose["services"]["postgresql"]
    for name in ("migrate", "web", "worker"):
        assert compose["services"][name].get("command", "serve") in main.commands


def test_the_image_holds_what_it_needs_and_runs_as_nobody_special(tmp_path: Path) -> None:
    said = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert "USER relief" in said
    assert any("--require-hashes" in line and "requirements.lock" in line for line in said)
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [line.split()[1] for line in said if line.startswith("COPY")]
    assert {f"!{name}" for name in copied} | {"*", "**/__pycache__"} == set(kept)
    for name in copied:
        (tmp_path / name).symlink_to(ROOT / name)
    done = subprocess.run(
        [sys.executable, "-m", "backend.cli", "migrate", "--sql"],
        cwd=tmp_path,
        env={"PATH": os.defpath, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "CREATE TABLE anonymous.support_request" in done.stdout
