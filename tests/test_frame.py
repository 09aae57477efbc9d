"""The frame around every route."""

import pytest
from flask.testing import FlaskClient


def test_what_is_not_there_is_a_problem(client: FlaskClient) -> None:
    answer = client.get("/v1/nothing")
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["detail"] == "There is nothing at this address."


def test_an_officers_session_is_refused_where_nobody_may_be_known(client: FlaskClient) -> None:
    answer = client.get("/v1/anon/keys", headers={"Authorization": "Bearer relief-officer-x"})
    assert answer.status_code == 400
    assert answer.get_json()["type"] == "/problems/wrong-side"


@pytest.mark.parametrize(
    "body", ["{", "[" * 100_000, '{"name": ' + 5_000 * "9" + "}"], ids=["cut short", "very deep", "a very long number"]
)
def test_a_body_that_json_readers_choke_on_is_refused(client: FlaskClient, body: str) -> None:
    answer = client.post("/v1/sessions", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.get_json()["type"] == "/problems/not-json"


def test_whoever_shows_the_wrong_thing_is_told_what_would_do(client: FlaskClient) -> None:
    for headers in ({}, {"Authorization": "Basic Zm9v"}, {"Authorization": "Bearer relief-asker-x"}):
        answer = client.post("/v1/staff/incidents", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        said = "This needs you to show who is calling, with relief-staff-… or relief-integration-…"
        assert answer.get_json()["detail"] == said
