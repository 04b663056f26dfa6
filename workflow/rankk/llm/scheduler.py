"""Limits the calls under way at once; of those that wait, the one with the longest chain behind it goes first."""

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count


class PriorityGate:
    """A semaphore whose waiters enter by priority (lower first), then by arrival.

    `slots`: a number, or a function that tells it (at least 1), asked whenever a call comes or goes. Queries do not
    wait for each other between their windows. The query with the most windows left is on the critical path of the job,
    so its next call is given the best priority.
    """

    def __init__(self, slots: int | Callable[[], int]) -> None:
        self._slots = slots if callable(slots) else lambda: slots
        self._used = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrival = count()

    @asynccontextmanager
    async def slot(self, priority: int) -> AsyncIterator[None]:
        """Hold a slot for the block."""
        if self._waiting or self._used >= self._slots():
            await self._wait(priority)
        else:
            self._used += 1
        try:
            yield
        finally:
            self._release()

    async def _wait(self, priority: int) -> None:
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._arrival), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release()  # cancelled after the slot was given to it
            raise

    def _release(self) -> None:
        """Give back a slot, and all free ones to waiters that were not cancelled."""
        self._used -= 1
        while self._waiting and self._used < self._slots():
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                self._used += 1
                turn.set_result(None)
