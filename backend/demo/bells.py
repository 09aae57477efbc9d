"""What arrives at phones, carried from the stand-in for Firebase to whoever holds them."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from backend.demo.firebase import Arrival, StandIn

Rings = Callable[[Arrival], None]
_GLANCE = 0.005


class Bells:
    """Calls what belongs to an address when something arrives there; each phone hears one thing after another."""

    def __init__(self, firebase: StandIn) -> None:
        self._firebase = firebase
        self._phones: dict[str, tuple[Rings, threading.Lock]] = {}
        self._pool = ThreadPoolExecutor(32, thread_name_prefix="phone")
        self._rung: list[Future[None]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._pool.shutdown(cancel_futures=True)
        if error is None:
            self.check()

    def connect(self, address: str, rings: Rings) -> None:
        """From now on what arrives at this address is heard."""
        self._phones[address] = rings, threading.Lock()

    def check(self) -> None:
        """Raise what went wrong on somebody's phone."""
        for done in self._rung:
            if done.done() and not done.cancelled():
                done.result()

    def _run(self) -> None:
        heard = 0
        while not self._stopping.wait(_GLANCE):
            for arrival in self._firebase.arrivals[heard:]:
                heard += 1
                if arrival.address in self._phones:
                    self._rung.append(self._pool.submit(self._ring, arrival))

    def _ring(self, arrival: Arrival) -> None:
        rings, lock = self._phones[arrival.address]
        with lock:
            rings(arrival)
