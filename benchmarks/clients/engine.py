"""A simulated vLLM engine: continuous batching with a paged KV cache, as a fluid model in virtual time.

Every call that decodes gains a token a step. A step takes what was measured for that many calls with that much context
(rankk.plan.gpus: Qwen2.5-32B's shape). Prompts are computed one after another and hold all decoding up. A waiting call
is admitted as soon as its prompt fits into the cache; where the cache is full, the call that was admitted last is
preempted: it waits again, before all others, and its tokens are computed again.
"""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from rankk.plan.gpus import Engine as Speeds

CHUNK = 64.0
"""Steps after which the speed is recomputed, because contexts grow."""
TINY = 1e-6
"""Tolerance for rounding, in seconds or steps."""


@dataclass
class Call:
    """A call with the tokens of its prompt and answer; `done` is told when it is finished."""

    prompt: int
    answer: int
    done: Callable[["Call"], None]
    priority: int = 0
    written: float = 0.0  # tokens of the answer
    begun: float = 0.0  # the engine's step at which `written` was 0
    gone: bool = False

    @property
    def context(self) -> float:
        """Tokens in the cache when it is admitted."""
        return self.prompt + self.written


@dataclass
class Engine:
    """An engine with room for `tokens`; all times in simulated seconds."""

    speeds: Speeds
    tokens: float
    most: int = 1024
    now: float = 0.0
    step: float = 0.0
    waiting: list[tuple[int, int, Call]] = field(default_factory=list)
    computing: deque[Call] = field(default_factory=deque)
    left: float = 0.0  # seconds that the first prompt still takes
    running: list[Call] = field(default_factory=list)  # in order of admission
    ends: list[tuple[float, int, Call]] = field(default_factory=list)
    context: float = 0.0  # tokens in the cache
    preemptions: int = 0
    area: float = 0.0  # call seconds
    peak: int = 0
    number: int = 0

    def submit(self, call: Call) -> None:
        """Submit a call; `advance` must have been called for the current time."""
        self.number += 1
        heapq.heappush(self.waiting, (call.priority, self.number, call))
        self._admit()

    def abort(self, call: Call) -> None:
        """Remove a call whose client has disconnected."""
        call.gone = True
        if call in self.computing:
            if call is self.computing[0]:
                self.left = 0.0
            self.computing.remove(call)
            self.context -= call.context
            self._next_prompt()
        elif call in self.running:
            self._leave(call)
        self._admit()

    @property
    def inside(self) -> int:
        """Calls that the engine is processing."""
        return len(self.running) + len(self.computing)

    @property
    def in_flight(self) -> int:
        """Calls that are not finished."""
        return self.inside + sum(not call.gone for _, _, call in self.waiting)

    def wait(self) -> float | None:
        """Seconds until something happens; None where nothing is to be done."""
        if self.computing:
            return self.left
        if not self.running:
            return None
        return self._until()[0] * self._step_seconds()

    def advance(self, until: float) -> None:
        """Advance the simulation to a point in time."""
        while self.computing or self.running:
            if self.computing:
                took = min(self.left, until - self.now)
                self._pass(took)
                self.left -= took
                if self.left > TINY:
                    break
                self._computed()
                continue
            steps, full = self._until()
            seconds = self._step_seconds()
            made = min(steps, (until - self.now) / seconds)
            self._pass(made * seconds)
            self.step += made
            self.context += made * len(self.running)
            if made < steps - TINY:
                break
            if full:
                self._preempt()
            while self.ends and self.ends[0][0] <= self.step + 2 * TINY:
                self._finish(heapq.heappop(self.ends)[2])
        self.now = max(self.now, until)

    def _pass(self, seconds: float) -> None:
        self.now += seconds
        self.area += seconds * self.inside

    def _step_seconds(self) -> float:
        return self.speeds.step_ms(len(self.running), self.context) / 1000

    def _until(self) -> tuple[float, bool]:
        """Steps until the next event, and whether it is that the cache is full."""
        while self.ends and self.ends[0][2].gone:
            heapq.heappop(self.ends)
        finish = max(0.0, self.ends[0][0] - self.step)
        full = max(0.0, (self.tokens - self.context) / len(self.running))
        if full < min(finish, CHUNK) and len(self.running) > 1:
            return full, True
        return min(finish, CHUNK), False

    def _admit(self) -> None:
        while self.waiting and self.inside < self.most:
            call = self.waiting[0][2]
            if not call.gone and self.inside and self.context + call.context > self.tokens:
                break
            heapq.heappop(self.waiting)
            if call.gone:
                continue
            self.context += call.context
            self.computing.append(call)
            self.peak = max(self.peak, self.inside)
            if len(self.computing) == 1:
                self._next_prompt()

    def _next_prompt(self) -> None:
        if self.computing:
            self.left = self.speeds.prefill_ms(self.computing[0].context) / 1000

    def _computed(self) -> None:
        call = self.computing.popleft()
        call.begun = self.step - call.written
        self.running.append(call)
        self.number += 1
        heapq.heappush(self.ends, (call.begun + call.answer, self.number, call))
        self._next_prompt()

    def _leave(self, call: Call) -> None:
        self.running.remove(call)
        call.written = self.step - call.begun
        self.context -= call.context
        self.ends = [entry for entry in self.ends if entry[2] is not call]
        heapq.heapify(self.ends)

    def _preempt(self) -> None:
        call = self.running[-1]
        self._leave(call)
        self.preemptions += 1
        heapq.heappush(self.waiting, (-(10**6), -self.preemptions, call))

    def _finish(self, call: Call) -> None:
        self.running.remove(call)
        self.context -= call.prompt + call.answer
        call.written = call.answer
        call.done(call)
        self._admit()
