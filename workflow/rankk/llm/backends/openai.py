"""Any server that speaks OpenAI's protocol: vLLM's own, or a hosted one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import NonNegativeFloat, PositiveInt, model_validator

from rankk.config.base import cosmetic
from rankk.llm.addresses import check_address
from rankk.llm.backends import Backend
from rankk.llm.connection import Connection, Model
from rankk.llm.tokenizers import CharacterCounter, ModelTokenizer, TokenCounter
from rankk.llm.types import Client


class OpenAI(Backend):
    """A server with OpenAI's protocol. Its key comes from the environment variable OPENAI_API_KEY."""

    name = "openai"

    base_url: str = cosmetic(description="the server's address, ending in /v1 (key: OPENAI_API_KEY)")
    in_flight: PositiveInt | None = cosmetic(
        default=None,
        description="calls sent at once; default: as many as a vLLM server's cache has room for by its "
        "/metrics (256 where it tells none), 64 to other servers",
    )
    patience: NonNegativeFloat | None = cosmetic(
        default=None,
        description="seconds to wait for a server that refuses connections or answers 502 or 503, for example while it "
        "loads a model; default: 300, or 10 if nothing has ever listened",
    )

    @model_validator(mode="after")
    def valid_address(self) -> "OpenAI":
        """The address can be used."""
        try:
            check_address(self.base_url)
        except ValueError as error:
            raise ValueError(f"base_url: {error}") from None
        return self

    @asynccontextmanager
    async def connect(self, model: Model, engine_owner: int | None = None) -> AsyncIterator[Connection]:
        """The server, asked for its models first; meanwhile the tokenizer of a model that is here is loaded."""
        local = asyncio.get_running_loop().run_in_executor(None, _local, model)
        from rankk.llm.openai_client import OpenAIClient
        from rankk.llm.room import following
        from rankk.llm.server_tokens import ServerTokenizer

        server = OpenAIClient(
            self.base_url,
            model.path,
            in_flight=self.in_flight,
            chat_template_kwargs=model.chat_template_kwargs,
            patience=self.patience,
        )
        client: Client = server
        try:
            await server.check()
            client = server if self.in_flight else await following(server)
            counter: TokenCounter | None = await local
            if counter is None:
                counter = ServerTokenizer.of(server, model.chat_template_kwargs)
            yield Connection(client, counter or CharacterCounter(), server.context)
        finally:
            await asyncio.gather(local, return_exceptions=True)
            await client.close()


def _local(model: Model) -> ModelTokenizer | None:
    """The tokenizer of a model that is in a folder here."""
    if not Path(model.path).is_dir():
        return None
    return ModelTokenizer(model.path, chat_template_kwargs=model.chat_template_kwargs)
