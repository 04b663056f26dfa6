"""Stored answers in place of a model."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field

from rankk.errors import RankkError
from rankk.io.files import read_jsonl
from rankk.llm.backends import Backend
from rankk.llm.connection import Connection, Model
from rankk.llm.tokenizers import CharacterCounter
from rankk.llm.types import CallContext, Completion, Prompt, Sampling
from rankk.placeholders import fill


class Replay(Backend):
    """Answers from JSON lines {"qid", "call", "response"}; `call` counts a query's calls from 0."""

    name = "replay"
    asks_model: ClassVar[bool] = False

    responses: str = Field(
        description="file of stored answers, .gz allowed; {collection}, {language}, {retriever} are filled in"
    )

    def filled(self, **values: str) -> Self:
        """A copy with the placeholders of `responses` filled in."""
        return self.model_copy(update={"responses": fill(self.responses, "responses", **values)})

    def input_files(self) -> dict[str, str]:
        """The file of stored answers."""
        return {"stored answers": self.responses}

    @asynccontextmanager
    async def connect(self, model: Model, engine_owner: int | None = None) -> AsyncIterator[Connection]:
        """The stored answers, read into memory."""
        client = ReplayClient(self.responses)
        deciding = {"responses": client.digest}
        yield Connection(client, CharacterCounter(), None, deciding=deciding, reads_prompts=False)


class ReplayClient:
    """Answers by query and number of the call, whatever the prompt."""

    max_in_flight = 1_000_000

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._responses: dict[tuple[str, int], str] = {}
        for number, record in read_jsonl(path):
            qid, call, response = record.get("qid"), record.get("call"), record.get("response", 0)
            if qid is None or not isinstance(call, int) or not isinstance(response, str | None):
                raise RankkError(
                    f'{path}:{number}: expected {{"qid", "call", "response"}}, found {json.dumps(record)[:80]}'
                )
            response = response or ""
            if self._responses.setdefault((str(qid), call), response) != response:
                raise RankkError(f"{path}:{number}: query {qid}, call {call} stands twice, with another response")
        content = json.dumps(sorted(self._responses.items()))  # of the answers: a pipe can be read only once
        self.digest = sha256(content.encode()).hexdigest()

    @property
    def facts(self) -> dict[str, Any]:
        """Empty: the file is part of the settings."""
        return {}

    async def complete(self, prompt: Prompt, sampling: Sampling, call: CallContext) -> Completion:
        """The stored answer of a query's call. RankkError where there is none."""
        if (call.qid, call.number) not in self._responses:
            raise RankkError(
                f"{self._path}: no stored answer for query {call.qid}, call {call.number}: it was made with another "
                "first stage, depth, window or stride"
            )
        return Completion(self._responses[call.qid, call.number], "stop")

    async def close(self) -> None:
        """Nothing to release."""
