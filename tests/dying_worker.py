"""A worker that dies by SIGKILL at a named step. One process that forks: each line read is a step, each child dies.

Prints the child's process id, and then the signal that ended it. Run by tests/test_push_crashes.py.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backend import db, worker
from backend.config import Config
from backend.db import PostgreSQL, Side
from backend.jobs import Kind
from backend.notify.firebase import Firebase
from backend.notify.push import settle, take


def die(*_: Any, **__: Any) -> Any:
    """What a power cut does."""
    os.kill(os.getpid(), signal.SIGKILL)


def dying_after(act: Callable[..., Any]) -> Callable[..., Any]:
    """Do it, and die before whoever asked for it goes on."""

    def act_and_die(*args: Any, **kwargs: Any) -> Any:
        act(*args, **kwargs)
        die()

    return act_and_die


def prepare(step: str, firebase: Firebase) -> None:
    """Put death at this step."""
    if step == "told, not committed":
        worker.DEEDS[Kind.TELL] = dying_after(worker.DEEDS[Kind.TELL])
    elif step == "taken, not committed":
        vars(worker)["take"] = dying_after(take)
    elif step == "taken":
        vars(firebase)["send"] = die
    elif step == "sent":
        vars(firebase)["send"] = dying_after(firebase.send)
    elif step == "settled, not committed":
        vars(worker)["settle"] = dying_after(settle)


def work(step: str, url: str, credentials: str, push_url: str) -> None:
    """Tell and push until death."""
    db.use(PostgreSQL({Side.WORKER: url}))
    firebase = Firebase(Path(credentials), push_url)
    prepare(step, firebase)
    config = Config(public_url="http://localhost", sealing_key=bytes(32), database_urls={})
    worker.do_deeds(config, [Kind.TELL])
    worker.send_pushes(firebase)


def main() -> None:
    """One child for each line."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            work(line.strip(), *sys.argv[1:])
            os._exit(0)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
