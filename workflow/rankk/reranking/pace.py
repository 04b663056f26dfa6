"""Speed of a cell's calls and time left, for its progress line."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rankk.llm.types import Completion
from rankk.progress import duration

AFFECTS_RESULTS = False

ENOUGH = 5
"""Calls after which their mean time tells how long the others will take."""


class Pace:
    """Counts the calls that this process makes; calls found in the journal take no time."""

    def __init__(self) -> None:
        self._calls, self._seconds, self._tokens, self._in_flight = 0, 0.0, 0, 0
        self._began: float | None = None

    @contextmanager
    def asking(self) -> Iterator[None]:
        """While a call waits for its answer."""
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1

    def answered(self, completion: Completion) -> None:
        """Count a call. Time begins with the first one's request: the start of an engine is not part of it."""
        self._began = self._began or time.monotonic() - completion.seconds
        self._calls += 1
        self._seconds += completion.seconds
        self._tokens += completion.output_tokens or 0

    def told(self, left: int) -> str:
        """Generated tokens per second and, from the fifth call on, the time that `left` further calls will take.

        It is their number times the mean seconds of a call, divided by the calls in flight. Calls that are slow because
        many are in flight do not make it too long. Empty before the first answer.
        """
        if self._began is None:
            return ""
        told = f"{self._tokens / max(time.monotonic() - self._began, 1e-9):,.0f} tokens/s"
        if self._calls < ENOUGH or left <= 0:
            return told
        # The last answered call is replaced by a new one.
        seconds = left * self._seconds / self._calls / (self._in_flight + 1)
        return f"{told}, about {duration(seconds)} left"
