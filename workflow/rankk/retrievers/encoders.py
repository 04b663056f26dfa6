"""Encoders of first stages, as sentence-transformers loads them."""

import json
import logging
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Literal

from pydantic import Field, PositiveInt

from rankk.component import Component
from rankk.errors import RankkError
from rankk.io.files import atomic_write
from rankk.progress import bar
from rankk.retrievers.base import Inputs, Segments
from rankk.retrievers.texts import read_texts

log = logging.getLogger("rankk")

Kind = Literal["query", "passage"]

BATCHES_AT_ONCE = 16
"""Batches handed to the encoder together: it sorts them by length, so that little is padded."""


class Encoder(Component):
    """Settings of an encoder."""

    model: str = Field(description="name in the catalog's models, a hub id or a local folder")
    revision: str | None = Field(default=None, description="commit of the model on its hub")
    max_seq_length: PositiveInt = Field(default=512, description="tokens; longer texts are cut")
    batch_size: PositiveInt = Field(default=32, description="texts encoded at once")

    def model_names(self) -> list[tuple[str, str | None]]:
        """The encoder."""
        return [(self.model, self.revision)]

    def settings(self) -> dict[str, Any]:
        """The settings above, by name."""
        return {name: getattr(self, name) for name in Encoder.model_fields}

    def file_tag(self, *more: str) -> str:
        """Name of files that this encoder makes: retrievers that differ in depth or language share them."""
        name = f"{self.model}@{self.revision}" if self.revision else self.model
        return ".".join([name.strip("/").replace("/", "--"), str(self.max_seq_length), *more])


class DenseEncoder(Encoder):
    """Settings of an encoder whose texts begin with an instruction."""

    query_prefix: str = Field(default="", description='put before a query, such as "query: " for E5')
    passage_prefix: str = Field(default="", description='put before a passage, such as "passage: " for E5')

    def loaded(self, inputs: Inputs) -> Callable[[Kind, list[str]], Any]:
        """The encoder as a function from texts of one kind to an array with a unit vector for each.

        A model's own prompts (sentence-transformers' `prompts`) are used where no prefix is given.
        """
        from sentence_transformers import SentenceTransformer

        model = inputs["model"][0] if inputs["model"] else self.model
        encoder = load(SentenceTransformer, model, self.revision, self.max_seq_length)
        ways = {
            "query": (encoder.encode_query, self.query_prefix),
            "passage": (encoder.encode_document, self.passage_prefix),
        }

        def embed(kind: Kind, texts: list[str]) -> Any:
            encode, prefix = ways[kind]
            settings = {"batch_size": self.batch_size, "normalize_embeddings": True, "show_progress_bar": False}
            return encode(texts, prompt=prefix or None, **settings)

        return embed


def load(kind: Callable[..., Any], model: str, revision: str | None, max_seq_length: int) -> Any:
    """An encoder of a kind (a class of sentence-transformers) that cuts texts at so many tokens.

    `model`: a hub id or a folder. RankkError where there is none at that place.
    """
    try:
        encoder = kind(model, revision=revision, trust_remote_code=False)
    except OSError as error:
        reason = str(error).strip().splitlines()[0]
        raise RankkError(
            f"retriever model {model}: cannot be loaded ({reason}); give a local folder, or accept its licence on the "
            "hub, log in and download it first"
        ) from None
    encoder.max_seq_length = max_seq_length
    return encoder


def write_vectors(
    inputs: Inputs,
    output: str,
    segments: Segments | None,
    batch_size: int,
    key: str,
    encode: Callable[[list[str]], Iterable[Any]],
) -> None:
    """Write {key: id, "vector": …} lines of all texts, encoded by `encode`, which gives what JSON holds."""
    total = sum(1 for _ in read_texts(inputs["texts"], segments))
    texts = read_texts(inputs["texts"], segments)
    with atomic_write(output) as file, bar(what="encode", unit="texts", total=total) as progress:
        while chunk := list(islice(texts, batch_size * BATCHES_AT_ONCE)):
            vectors = encode([text for _, text in chunk])
            for (identifier, _), vector in zip(chunk, vectors, strict=True):
                file.write(json.dumps({key: identifier, "vector": vector}, ensure_ascii=False) + "\n")
            progress.update(len(chunk))
    log.info("%d texts encoded", total)
