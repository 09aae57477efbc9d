"""The web application: one side, or both."""

from collections.abc import Collection
from typing import Any

import psycopg
import sqlalchemy.exc
from flask import Flask, Response

from backend import logs, metrics
from backend.api import health
from backend.api.agency import availability as staff_availability
from backend.api.agency import bulletin_key as staff_bulletin_key
from backend.api.agency import devices, incidents, integration_keys, invitations, public, staff, staff_sessions
from backend.api.anonymous import (
    asker_conversations,
    availability,
    conversations,
    last_resorts,
    messages,
    offers,
    passes,
    support_requests,
)
from backend.api.document import introduction, name_callers
from backend.api.frame import Api, Blueprint, refuse_wrong_side
from backend.api.headers import protect
from backend.api.identified import bulletin_key, draws, enrolments, me, recoveries, sessions
from backend.api.problems import answer_problem
from backend.config import Config
from backend.db import Side
from backend.errors import Unavailable
from backend.web import docs

IDENTIFIED: tuple[Blueprint, ...] = (
    enrolments.blueprint,
    sessions.blueprint,
    recoveries.blueprint,
    me.blueprint,
    bulletin_key.blueprint,
    draws.blueprint,
)
ANONYMOUS: tuple[Blueprint, ...] = (
    public.blueprint,
    invitations.blueprint,
    staff_sessions.blueprint,
    staff_bulletin_key.blueprint,
    staff.blueprint,
    devices.blueprint,
    staff_availability.blueprint,
    availability.blueprint,
    incidents.blueprint,
    integration_keys.blueprint,
    passes.blueprint,
    support_requests.blueprint,
    asker_conversations.blueprint,
    offers.blueprint,
    conversations.blueprint,
    messages.blueprint,
    last_resorts.blueprint,
)
_LARGEST_BODY = 256 * 1024
_AWAY = (sqlalchemy.exc.OperationalError, sqlalchemy.exc.TimeoutError, psycopg.OperationalError)


class Relief(Flask):
    """Flask, which never writes down what an exception says."""

    def log_exception(self, exc_info: Any) -> None:
        logs.failed("a request failed", exc_info[1])


def create_app(config: Config, sides: Collection[Side] = (Side.IDENTIFIED, Side.ANONYMOUS)) -> Flask:
    """The application for these sides. The agency's common ground and the public files go with the anonymous one."""
    app = Relief("relief", static_folder=None)
    app.config.update(
        API_TITLE="Relief",
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS=introduction(config),
        MAX_CONTENT_LENGTH=_LARGEST_BODY,
        RELIEF=config,
        SIDES=tuple(sides),
    )
    metrics.count_answers(app)
    protect(app, encrypted=config.public_url.startswith("https://"))
    app.before_request(refuse_wrong_side)
    for away in _AWAY:
        app.register_error_handler(away, _answer_away)
    api = Api(app)
    api.register_blueprint(health.blueprint)
    for side, blueprints in ((Side.IDENTIFIED, IDENTIFIED), (Side.ANONYMOUS, ANONYMOUS)):
        if side in sides:
            for blueprint in blueprints:
                api.register_blueprint(blueprint)
    app.register_blueprint(docs.blueprint)
    name_callers(app, api)
    return app


def _answer_away(error: Exception) -> Response:
    logs.failed("the database is away", error)
    return answer_problem(Unavailable())
