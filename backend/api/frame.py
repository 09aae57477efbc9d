"""How every route is framed: what it takes, what it gives, who may call it, and what it says when it can't.

All that flask-smorest has to be told stands here, and nowhere else.
"""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, NoReturn, Protocol

import flask
import flask_smorest
import marshmallow as ma
from apispec import APISpec
from flask import Response, current_app, g, request
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import HTTPException

from backend.api.problems import PROBLEM, ProblemSchema, answer_http_exception, answer_problem
from backend.config import Config
from backend.errors import Invalid, Malformed, Problem, Unproven, WrongSide

OFFICER_PREFIX = "relief-officer-"
_NAMELESS = ("/v1/anon/", "/v1/staff/", "/v1/public/")

View = Callable[..., Any]


class Way(Protocol):
    """One way of showing who calls. `name` is its security scheme in the OpenAPI document."""

    name: str
    scheme: dict[str, Any] | None
    problems: tuple[int, ...]

    def fits(self, authorization: str) -> bool:
        """Whether the header looks like this way, so that the right one of several is asked."""

    def prove(self, authorization: str) -> Any:
        """The caller; raises Unproven or Forbidden."""


class Anyone:
    """Nothing needs to be shown."""

    name = "anyone"
    scheme: dict[str, Any] | None = None
    problems: tuple[int, ...] = ()

    def fits(self, authorization: str) -> bool:
        return True

    def prove(self, authorization: str) -> None:
        return None


anyone = Anyone()


def allow(*ways: Way) -> Callable[[View], View]:
    """Say who may call a view: it is enforced and documented by this one line."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            authorization = request.headers.get("Authorization", "")
            way = next((way for way in ways if way.fits(authorization)), None)
            if way is None:
                raise _unproven(ways)
            g.caller = way.prove(authorization)
            return view(*args, **kwargs)

        vars(guarded)["allowed"] = ways
        doc: dict[str, Any] = vars(guarded).setdefault("_apidoc", {})
        security: list[dict[str, list[str]]] = [{way.name: []} if way.scheme else {} for way in ways]
        doc["manual_doc"] = doc.get("manual_doc", {}) | {
            "security": security,
            "x-callers": [w.name for w in ways],
        }
        return _may_fail(guarded, 503, *{status for way in ways for status in way.problems})

    return decorate


def _unproven(ways: tuple[Way, ...]) -> Unproven:
    """Nothing was shown, or something of another kind: say what would do."""
    schemes = {"PrivateToken" if way.name.startswith("pass") else "Bearer" for way in ways}
    wanted = dict.fromkeys(way.scheme["description"].replace("`", "") for way in ways if way.scheme)
    return Unproven(
        "unproven",
        f"This needs you to show who is calling, with {' or '.join(wanted)}",
        headers={"WWW-Authenticate": ", ".join(sorted(schemes))},
    )


def _may_fail(view: View, *statuses: int) -> View:
    responses = vars(view).setdefault("_apidoc", {}).setdefault("response", {}).setdefault("responses", {})
    for status in statuses:
        responses.setdefault(status, [HTTPStatus(status).name])
    return view


class _Parser(FlaskParser):
    """Refuses what it doesn't know, in every place, and says which field."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": ma.RAISE, "query": ma.RAISE, "headers": ma.EXCLUDE, "path": ma.RAISE}

    def load_json(self, req: flask.Request, schema: ma.Schema) -> Any:
        if not req.is_json:
            raise _WrongMediaType("wrong-media-type", "Send the body as application/json.")
        try:
            return super().load_json(req, schema)
        except (RecursionError, ValueError):
            # What Python's own reader gives up on: lists in lists in lists, a number of five thousand digits.
            raise _not_json() from None

    def _handle_invalid_json_error(self, error: Exception, req: flask.Request, *args: Any, **kwargs: Any) -> NoReturn:
        raise _not_json() from None

    def handle_error(self, error: ma.ValidationError, *args: Any, **kwargs: Any) -> NoReturn:
        by_location = error.normalized_messages()
        fields = {path: said for messages in by_location.values() for path, said in _flat(messages)}
        raise Invalid(fields) from None


class _WrongMediaType(Problem):
    status = 415
    title = "Sent in the wrong form"


def _not_json() -> Malformed:
    return Malformed("not-json", "The body is not valid JSON.")


def _flat(messages: Any, path: str = "") -> list[tuple[str, str]]:
    """marshmallow's nested messages as ("topics.0", "…") pairs."""
    if isinstance(messages, dict):
        return [
            pair
            for key, below in messages.items()
            for pair in _flat(below, path if key == "_schema" else f"{path}.{key}".strip("."))
        ]
    return [(path or "body", " ".join(str(message) for message in messages))]


class Blueprint(flask_smorest.Blueprint):
    """A group of routes, each of which says who may call it."""

    ARGUMENTS_PARSER = _Parser()

    get: Callable[..., Callable[[View], View]]
    post: Callable[..., Callable[[View], View]]
    put: Callable[..., Callable[[View], View]]
    patch: Callable[..., Callable[[View], View]]
    delete: Callable[..., Callable[[View], View]]
    response: Callable[..., Callable[[View], View]]
    alt_response: Callable[..., Callable[[View], View]]

    def add_url_rule(self, rule: str, endpoint: Any = None, view_func: Any = None, *args: Any, **options: Any) -> None:
        if not hasattr(view_func, "allowed"):
            raise TypeError(
                f"{view_func.__name__} does not say who may call it: put @allow(...) right under the route."
            )
        path = f"{self.url_prefix or ''}{rule}"
        if "<" in path:
            _may_fail(view_func, 404)
        if path.startswith(_NAMELESS):
            _may_fail(view_func, 400)
        super().add_url_rule(rule, endpoint, view_func, *args, **options)

    def arguments(self, schema: ma.Schema, **kwargs: Any) -> Callable[[View], View]:
        """Take a schema instance from the body, or another `location`."""
        decorate = super().arguments(schema, **kwargs)
        body = kwargs.get("location", "json") == "json"
        return lambda view: _may_fail(decorate(view), *((400, 413, 415, 422) if body else (422,)))

    def takes(self, media_type: str, size: int) -> Callable[[View], View]:
        """Take a body of one media type, unread: the view is given its bytes first. `size` is for the document."""

        def decorate(view: View) -> View:
            @wraps(view)
            def reading(*args: Any, **kwargs: Any) -> Any:
                if request.mimetype != media_type:
                    raise _WrongMediaType("wrong-media-type", f"Send the body as {media_type}.")
                return view(request.get_data(), *args, **kwargs)

            schema = {"type": "string", "format": "binary", "minLength": size, "maxLength": size}
            doc: dict[str, Any] = vars(reading).setdefault("_apidoc", {})
            body = {"required": True, "content": {media_type: {"schema": schema}}}
            doc["manual_doc"] = doc.get("manual_doc", {}) | {"requestBody": body}
            return _may_fail(reading, 413, 415, 422)

        return decorate

    def problems(self, *statuses: int) -> Callable[[View], View]:
        """Name the further problems that a view may answer with."""

        def decorate(view: View) -> View:
            @wraps(view)
            def same(*args: Any, **kwargs: Any) -> Any:
                return view(*args, **kwargs)

            return _may_fail(same, *statuses)

        return decorate


class Api(flask_smorest.Api):
    """flask-smorest with problems as `application/problem+json`, in the answer and in the document."""

    ERROR_SCHEMA = ProblemSchema
    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        self._app.register_error_handler(Problem, answer_problem)
        self._app.register_error_handler(HTTPException, answer_http_exception)

    def _register_responses(self) -> None:
        spec: APISpec = self.spec
        for status in HTTPStatus:
            content = {PROBLEM: {"schema": ProblemSchema}}
            spec.components.response(status.name, {"description": status.phrase, "content": content}, lazy=True)


def refuse_wrong_side() -> None:
    """An officer's session is never ignored where nobody may be known, but refused, so that apps learn of it."""
    authorization = request.headers.get("Authorization", "")
    if request.path.startswith(_NAMELESS) and OFFICER_PREFIX in authorization:
        raise WrongSide


def config() -> Config:
    """The settings of the application that answers the present request."""
    settings: Config = current_app.config["RELIEF"]
    return settings


def bearer(authorization: str, prefix: str) -> str:
    """The token in a `Bearer` header (RFC 6750), without its prefix; empty if it isn't one of this kind."""
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token.startswith(prefix) else ""


def unchanged(etag: str) -> Response | None:
    """304 with the ETag if the caller has this version already (RFC 9110, section 13.1.2), else None."""
    if not request.if_none_match.contains_weak(etag):
        return None
    answer = Response(status=304)
    answer.set_etag(etag)
    return answer
