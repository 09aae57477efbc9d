"""Problems as bytes (RFC 9457)."""

from http import HTTPStatus
from typing import Any

import marshmallow as ma
from flask import Response, jsonify
from werkzeug.exceptions import HTTPException

from backend.errors import Problem

PROBLEM = "application/problem+json"
_HTTP_WORDS = {
    HTTPStatus.BAD_REQUEST: "The request can't be read, or did not arrive whole.",
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address doesn't take that method; the Allow header says which it takes.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong on our side. Nothing was changed; please try again.",
}


class ProblemSchema(ma.Schema):
    """A problem as RFC 9457 has it; `fields` says which field is wrong, and how."""

    class Meta:
        include = {"fields": ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String())}

    type = ma.fields.String(required=True, metadata={"format": "uri-reference"})
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    detail = ma.fields.String(required=True)


def answer_problem(problem: Problem) -> Response:
    """A problem as bytes."""
    said: dict[str, Any] = {
        "type": f"/problems/{problem.kind}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.fields:
        said["fields"] = problem.fields
    answer = jsonify(said)
    answer.status_code = problem.status
    answer.headers.extend(problem.headers)
    answer.mimetype = PROBLEM
    return answer


def answer_http_exception(error: HTTPException) -> Response:
    """Flask's own refusals, with the headers that belong to them (Allow, Retry-After, WWW-Authenticate)."""
    status = HTTPStatus(error.code or 500)
    problem = Problem(status.phrase.lower().replace(" ", "-"), _HTTP_WORDS.get(status, status.description + "."))
    problem.status, problem.title = status, status.phrase
    answer = answer_problem(problem)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            answer.headers[name] = value
    return answer
