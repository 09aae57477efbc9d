"""The rules of the house about its own code."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from backend.jobs import Kind
from backend.worker import DEEDS

ROOT = Path(__file__).parent.parent
ENTRANCES = ("api", "cli", "demo", "worker.py", "metrics.py", "db.py")
FOLDERS = ("backend", "bench", "migrations", "tests")
OPENERS = {"transaction", "statement"}
SILENCED = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:|pylint:|fmt:\s*off)|\b(TODO|FIXME|XXX)\b")


def sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def calls(path: Path) -> Iterator[tuple[str, int]]:
    """The last name of whatever is called, and its line."""
    for node in nodes(path):
        if isinstance(node, ast.Call):
            called = node.func
            last = (
                called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
            )
            yield last, node.lineno


def test_only_entrances_open_transactions_and_nobody_commits() -> None:
    wrong = []
    for path in sources("backend"):
        entrance = path.relative_to(ROOT / "backend").parts[0] in ENTRANCES
        for called, line in calls(path):
            if called == "commit" or (called in OPENERS and not entrance):
                wrong.append(f"{name(path)}:{line} {called}")
    assert wrong == []


def test_every_kind_of_job_has_somebody_to_do_it() -> None:
    assert {*DEEDS, Kind.PUSH} == set(Kind)


def test_files_and_functions_are_short() -> None:
    wrong = []
    for path in sources("backend", "migrations/env.py"):
        lines = path.read_text(encoding="utf-8").count("\n")
        if lines > 260:
            wrong.append(f"{name(path)}: {lines} lines")
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 50:
                wrong.append(f"{name(path)}:{node.lineno} {node.name}")
    assert wrong == []


def test_nothing_is_silenced_or_put_off() -> None:
    found = [
        f"{name(path)}:{number}"
        for path in sources(*FOLDERS)
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if SILENCED.search(line)
    ]
    assert found == []


def test_imports_stand_at_the_top() -> None:
    found = [
        f"{name(path)}:{inner.lineno}"
        for path in sources(*FOLDERS)
        for node in nodes(path)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for inner in ast.walk(node)
        if isinstance(inner, (ast.Import, ast.ImportFrom))
    ]
    assert found == []


@pytest.mark.parametrize("kind", ["runtime", "dev"])
def test_the_locks_hold_what_is_asked_for(kind: str) -> None:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = asked["project"]["dependencies"] + (asked["dependency-groups"]["dev"] if kind == "dev" else [])
    text = (ROOT / ("requirements.lock" if kind == "runtime" else "requirements-dev.lock")).read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ]+)", text, re.MULTILINE))
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), requirement
    assert "://" not in text
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) >= len(locked)
