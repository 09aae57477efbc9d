"""The worker, as a process of its own: `python -m backend.cli.work`. Only it needs to load what talks to Firebase."""

import sys

from backend import logs, metrics, startup
from backend.cli.house import house
from backend.config import Misconfigured
from backend.db import Side
from backend.worker import run


def main() -> None:
    """Work until told to stop. What is wrong with a setting is said before it begins."""
    logs.configure()
    try:
        _work()
    except Misconfigured as wrong:
        sys.exit(f"relief: {wrong}")


def _work() -> None:
    with house() as config:
        startup.check(config.database_urls, [Side.WORKER])
        if config.metrics_port:
            metrics.serve_work(config.metrics_port)
        run(config)


if __name__ == "__main__":
    main()
