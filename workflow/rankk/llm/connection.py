"""A connection to a model: its client, tokenizer and context length."""

from dataclasses import dataclass, field
from typing import Any

from rankk.llm.tokenizers import TokenCounter
from rankk.llm.types import Client, Thinking


@dataclass(frozen=True)
class Model:
    """A model and its prompt format, as needed by backends.

    `name`: hub id, folder, or the server's name of it. `files`: a folder that holds its files, if that is not what
    `name` says. `lora`: hub id or folder of an adapter, `lora_files` likewise its
    files.
    """

    name: str
    revision: str | None = None
    thinking: Thinking | None = None
    chat_template_kwargs: dict[str, Any] = field(default_factory=dict)
    files: str | None = None
    lora: str | None = None
    lora_files: str | None = None

    @property
    def path(self) -> str:
        """Where the files are: a folder or a hub id."""
        return self.files or self.name


@dataclass(frozen=True)
class Connection:
    """A client with what is known of the model behind it.

    `context`: tokens of prompt and answer together, None where the server does not tell. `closing_token`: the token
    with which the engine itself closes a thought at its budget. `deciding`: settings of the engine that decide its
    answers. `reads_prompts`: False where answers are stored, and a query's call is known by its number alone.
    """

    client: Client
    counter: TokenCounter
    context: int | None
    closing_token: int | None = None
    deciding: dict[str, Any] = field(default_factory=dict)
    reads_prompts: bool = True

    @property
    def facts(self) -> dict[str, Any]:
        """Entries for the manifest about the connection."""
        return {
            "tokens_counted_by": self.counter.kind,
            "context": self.context,
            "thinking_budget": "two calls" if self.closing_token is None else "native",
            **self.client.facts,
        }
