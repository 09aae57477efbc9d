"""How gunicorn runs us: `gunicorn --config python:backend.wsgi "backend.wsgi:web('identified', 'anonymous')"`.

Two processes of four threads each: on two cores more threads only make the slowest answers slower. There is no
access log: nobody writes down who came from where, and when. The module's plain names are gunicorn's settings.
"""

import os
import shutil
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.http.errors import ParseException
from prometheus_client.multiprocess import mark_process_dead

from backend import db, logs, metrics
from backend.api.problems import answer_problem
from backend.app import create_app
from backend.config import from_environment
from backend.db import PostgreSQL, Side
from backend.errors import Malformed


class Quiet(Logger):
    """gunicorn's words about itself go where all words go; of requests it says nothing."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        logs.configure()
        self.error_log.handlers.clear()
        self.error_log.propagate = True

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Write nothing down."""


workers = 2
threads = 4
worker_class = "backend.connections.Worker"
preload_app = True
graceful_timeout = 25
accesslog = None
logger_class = Quiet
control_socket_disable = True
forwarded_allow_ips = ""


def child_exit(server: Any, worker: Any) -> None:
    """What a process counted stays counted after its end."""
    mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    """The counts of this run end with it."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def web(*sides: str) -> Any:
    """The application of these sides, for gunicorn. No connection is made before the processes part."""
    config = from_environment()
    served = [Side(side) for side in sides]
    db.use(PostgreSQL({side: config.database_urls[side] for side in served}))
    app = create_app(config, served)
    app.register_error_handler(ParseException, lambda _: answer_problem(_broken_chunks()))
    return metrics.OnOwnPort(app, config.metrics_port) if config.metrics_port else app


def _broken_chunks() -> Malformed:
    return Malformed("broken-chunks", "The body can't be read: its chunks are broken.")
