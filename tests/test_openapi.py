"""The OpenAPI document: valid, complete, and readable without asking another host for anything."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from backend.app import create_app
from backend.config import Config

METHODS = ("get", "post", "put", "patch", "delete")
PROBLEM = "application/problem+json"


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


@pytest.fixture(scope="module")
def document(config: Config) -> dict[str, Any]:
    found: dict[str, Any] = create_app(config).test_client().get("/openapi.json").get_json()
    return found


def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    validate(document)


def test_every_operation_says_who_may_call_it(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    for name, operation in operations(document):
        callers = operation["x-callers"]
        assert callers, name
        shown = [next(iter(way), "anyone") for way in operation["security"]]
        assert shown == callers, name
        assert {caller for caller in callers if caller != "anyone"} <= schemes.keys(), name


def test_every_operation_says_what_it_does(document: dict[str, Any]) -> None:
    assert [name for name, operation in operations(document) if not operation.get("summary")] == []


def test_every_problem_is_told_as_one(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                response = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
                assert list(response["content"]) == [PROBLEM], (name, status)


def test_the_page_lets_every_route_be_tried(client: FlaskClient) -> None:
    with client.get("/docs/start.js") as script:
        assert "supportedSubmitMethods" not in script.get_data(as_text=True)


def test_it_names_no_other_host(document: dict[str, Any], client: FlaskClient) -> None:
    page = client.get("/docs", buffered=True)
    assert page.status_code == 200
    assert "http" not in page.get_data(as_text=True)
    assert "'unsafe" not in page.headers["Content-Security-Policy"]
    with client.get("/docs/swagger-ui-bundle.js") as script:
        assert script.status_code == 200
    assert client.get("/docs/page.html").status_code == 404
    assert document["servers"] == [{"url": "http://localhost"}]
