"""Stored answers in place of a model."""

import json
from pathlib import Path

from rankk.errors import RankkError
from rankk.io.files import read_jsonl, sha256
from rankk.llm.types import Completion


class ReplayBackend:
    """Answers from JSON lines {"qid", "call", "response"} (.gz allowed); `call` counts a query's calls from 0."""

    max_in_flight = 1_000_000  # nothing to wait for

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._responses: dict[tuple[str, int], str] = {}
        for number, record in read_jsonl(path):
            try:
                key = (str(record["qid"]), int(record["call"]))
                self._responses[key] = str(record["response"] or "")
            except (KeyError, TypeError, ValueError):
                raise RankkError(
                    f'{path}:{number}: expected {{"qid", "call", "response"}}, found {json.dumps(record)[:80]}'
                ) from None
        self.digest = sha256(path)

    def answer(self, qid: str, call: int) -> Completion:
        """The stored answer of a query's call. RankkError where there is none."""
        if (qid, call) not in self._responses:
            raise RankkError(
                f"{self._path}: no stored answer for query {qid}, call {call}: it was made with another first stage, "
                "depth, window or stride"
            )
        return Completion(self._responses[qid, call], "stop")

    async def close(self) -> None:
        """Nothing to release."""
