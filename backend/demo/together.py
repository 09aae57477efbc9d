"""Several people doing something at once."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def together(acts: Sequence[Callable[[], T]]) -> list[T]:
    """Do all at once; the results in their order, or the first error. Ctrl-C interrupts the waiting at once."""
    futures: list[Future[T]] = [Future() for _ in acts]
    for act, future in zip(acts, futures, strict=True):
        threading.Thread(target=_do, args=(act, future), daemon=True).start()
    return [future.result() for future in futures]


def _do(act: Callable[[], T], future: Future[T]) -> None:
    try:
        future.set_result(act())
    except Exception as error:
        future.set_exception(error)
