"""Late interaction with sentence-transformers, in this process: every token of a text has a vector."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import Field, PositiveInt

from rankk.errors import BackendError
from rankk.io.text import parse_json
from rankk.llm.connection import Connection, Model
from rankk.llm.local_models import LocalModel, Scores, TextsTokenizer, pair_of
from rankk.llm.types import Prompt


class LateInteraction(LocalModel):
    """A ColBERT (Khattab & Zaharia 2020): for each token of the query the most similar one of the passage counts.

    Checkpoints of PyLate, of Stanford's ColBERT and of sentence-transformers are read. The logistic function turns the
    mean similarity of a query's tokens into the score.
    """

    name = "late-interaction"
    own_prompts = True

    query_length: PositiveInt | None = Field(
        default=None, description="tokens of a query; default: the model's own limit; a longer query is an error"
    )
    document_length: PositiveInt | None = Field(
        default=None, description="tokens at which a passage is cut; default: the model's own limit"
    )

    @classmethod
    def takes(cls, folder: Path) -> bool:
        """Models with a projection for tokens."""
        return _is_late_interaction(str(folder))

    @asynccontextmanager
    async def connect(self, model: Model, engine_owner: int | None = None) -> AsyncIterator[Connection]:
        """The model's tokenizer, and its weights when they are needed; always in this process."""
        tokenizer = TextsTokenizer(model.path, model.revision)
        client = MaxSim(self, model, tokenizer)
        yield Connection(client, tokenizer, None, deciding={"dtype": self.dtype} | self._lengths)

    @property
    def _lengths(self) -> dict[str, int]:
        lengths = {"query_length": self.query_length, "document_length": self.document_length}
        return {name: length for name, length in lengths.items() if length is not None}


class MaxSim(Scores):
    """Mean over the query's tokens of the highest similarity to a token of the passage."""

    def load(self) -> Any:
        """The model. BackendError where the files hold no projection for tokens: a random one would be made."""
        from sentence_transformers import MultiVectorEncoder

        if not _is_late_interaction(self._model.path, self._model.revision):
            raise BackendError("is no late-interaction model: expected a checkpoint of PyLate or ColBERT")
        settings: Any = self._settings
        encoder = MultiVectorEncoder(
            self._model.path,
            revision=self._model.revision,
            device="cpu" if settings.device == "cpu" else None,
            trust_remote_code=False,
            model_kwargs={"dtype": settings.torch_dtype},
        )
        transformer: Any = encoder[0]
        if settings.document_length:
            transformer.document_length = settings.document_length
        if settings.query_length:
            transformer.query_length = None  # may not be smaller than the expansion's
            if expansion := transformer.query_expansion:
                transformer.query_expansion = {**expansion, "length": settings.query_length}
            transformer.query_length = settings.query_length
        return encoder

    def score(self, prompts: Sequence[Prompt]) -> Sequence[float]:
        """Mean similarities; each text is encoded once."""
        pairs = [pair_of(prompt) for prompt in prompts]
        queries, passages = (dict.fromkeys(texts) for texts in zip(*pairs, strict=True))
        encoder, size = self._loaded, self._settings.batch_size
        for query in queries:
            self._check(query)
        told = {"batch_size": size, "show_progress_bar": False}
        asked = dict(zip(queries, encoder.encode_query(list(queries), **told), strict=True))
        found = dict(zip(passages, encoder.encode_document(list(passages), **told), strict=True))
        values: Sequence[float] = encoder.similarity_pairwise(
            [asked[query].float() for query, _ in pairs],
            [found[passage].float() for _, passage in pairs],
            length_normalize=True,
        ).tolist()
        return values

    def _check(self, query: str) -> None:
        """BackendError where the library would cut the query."""
        transformer = self._loaded[0]
        expansion = transformer.query_expansion or {}
        longest = expansion["length"] if expansion.get("strategy") == "fixed" else transformer.query_length
        tokens = len(self._loaded.tokenizer(self._loaded.prompts.get("query", "") + query, verbose=False)["input_ids"])
        if longest is not None and tokens > longest:
            raise BackendError(f"query {query[:60]!r} has {tokens} tokens, the model reads {longest}; set query_length")


def _is_late_interaction(path: str, revision: str | None = None) -> bool:
    """Whether the files hold a projection for tokens: a head without pooling, Stanford's, or one of transformers."""
    from sentence_transformers.util import load_file_path
    from transformers import PretrainedConfig

    if listed := load_file_path(path, "modules.json", revision=revision):
        kinds = [str(entry["type"]).rpartition(".")[2] for entry in parse_json(Path(listed).read_text(), str(listed))]
        return "Dense" in kinds and "Pooling" not in kinds
    config, _ = PretrainedConfig.get_config_dict(path, revision=revision)
    return any(name == "HF_ColBERT" or name.endswith("ForRetrieval") for name in config.get("architectures") or [])
