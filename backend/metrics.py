"""Figures for whoever keeps the server running, on a port of their own (METRICS_PORT, inside one's own network).

The anonymous side is not counted: a counter that is read every few seconds would say when somebody asked for help.
That holds for staff's offers and conversations too. Only failures are, since a server that fails must be seen. The same
goes for work and pushes: totals, no kinds.
"""

import time
from collections.abc import Iterable
from enum import StrEnum
from socket import AF_INET, AF_INET6
from typing import Any

from flask import Flask, Response, current_app, g, request
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, make_wsgi_app, multiprocess
from prometheus_client import start_http_server as listen
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from backend.clock import now
from backend.db import Side, transaction
from backend.models.agency.jobs import Job

COUNTED = ("backend.api.identified.", "backend.api.agency.", "backend.api.health")
UNCOUNTED = ("backend.api.agency.public",)
"""By the module of the view: what stands in `backend.api.anonymous` follows from somebody's asking."""
ANSWER_TIMES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

answers = Histogram(
    "relief_answers_seconds", "Answers of named routes, by time taken.", ["route", "status"], buckets=ANSWER_TIMES
)
failures = Counter("relief_failures_total", "Answers with a status of 500 or more, from any route.")
pushes = Counter("relief_pushes_total", "Pushes that were tried, by what came of it.", ["outcome"])


class Outcome(StrEnum):
    """What came of a push."""

    SENT = "sent"
    LATER = "later"
    GONE = "gone"
    DEAD = "dead"


def count_answers(app: Flask) -> None:
    """Count what the application answers, where it may be counted."""
    app.before_request(_start)
    app.after_request(_count)


def _start() -> None:
    g.started = time.perf_counter()


def _count(answer: Response) -> Response:
    if answer.status_code >= 500:
        failures.inc()
    if request.url_rule and _may_be_counted(request.endpoint):
        status = f"{answer.status_code // 100}xx"
        answers.labels(request.url_rule.rule, status).observe(time.perf_counter() - g.started)
    return answer


def _may_be_counted(endpoint: str | None) -> bool:
    module = current_app.view_functions[endpoint].__module__ if endpoint else ""
    return module.startswith(COUNTED) and not module.startswith(UNCOUNTED)


class OnOwnPort:
    """A WSGI application that answers with the figures of all web processes on `port`, and passes on the rest.

    The port is the one that the connection came in by, not what the request says of itself.
    """

    def __init__(self, app: Any, port: int) -> None:
        self._app = app
        self._port = port
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
        self._figures = make_wsgi_app(registry)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        connection = environ["gunicorn.socket"]
        own = connection.family in (AF_INET, AF_INET6) and connection.getsockname()[1] == self._port
        return (self._figures if own else self._app)(environ, start_response)


class Jobs(Collector):
    """How the work for later stands, asked of the database when somebody reads the figures."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        with transaction(Side.WORKER) as session:
            waiting, dead, oldest = session.execute(
                select(
                    func.count().filter(Job.died_at.is_(None), Job.run_at <= now()),
                    func.count().filter(Job.died_at.is_not(None)),
                    func.min(Job.run_at).filter(Job.died_at.is_(None)),
                )
            ).one()
        late = max(0.0, (now() - oldest).total_seconds()) if oldest else 0.0
        yield GaugeMetricFamily("relief_jobs_waiting", "Jobs that are due and not done.", waiting)
        yield GaugeMetricFamily("relief_jobs_dead", "Jobs that a person should look at: `relief jobs`.", dead)
        yield GaugeMetricFamily("relief_jobs_oldest_seconds", "How long the oldest due job has waited.", late)


def serve_work(port: int) -> None:
    """Listen on `port` with the figures of a worker, in a thread."""
    REGISTRY.register(Jobs())
    listen(port)
