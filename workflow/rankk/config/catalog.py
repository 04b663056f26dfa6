"""Retrievers, packaged models and blocks of the grid. Collections and rerankers have modules of their own."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from rankk.config.base import Language, Sha256, Strict


class Split(Strict):
    """Passages cut into overlapping segments; a passage scores as its best segment (Dai & Callan 2019, MaxP)."""

    characters: PositiveInt = Field(default=1500, description="length of a segment, cut at white space where there is")
    stride: PositiveInt = Field(default=750, description="characters from one segment's start to the next")

    @model_validator(mode="after")
    def without_gaps(self) -> "Split":
        """Every character is in a segment."""
        if self.stride > self.characters:
            raise ValueError(f"stride: {self.stride} is larger than characters {self.characters}: text would be lost")
        return self

    @property
    def tag(self) -> str:
        """Names files and indexes of these segments."""
        return f"{self.characters}-{self.stride}"


class FirstStage(Strict):
    """What every retriever that searches has in common."""

    depth: PositiveInt = Field(default=1000, description="passages retrieved for a query")
    passages_of: dict[str, str] = Field(
        default={},
        description="collection: the one whose passages are searched in its place, with the same ids (a translation)",
    )
    prebuilt: dict[str, str] = Field(
        default={}, description="collection: Pyserini's name of an index of its passages, instead of one built here"
    )
    split: Split | None = None
    query_language: Language | None = Field(
        default=None,
        description="search with the queries of this language instead of the cell's (translated queries)",
    )


class BM25(FirstStage):
    """Lucene's BM25 through Anserini."""

    type: Literal["bm25"]
    k1: float = Field(default=0.9, ge=0)
    b: float = Field(default=0.4, ge=0, le=1)


class Splade(FirstStage):
    """A learned sparse encoder and a Lucene impact index (Formal et al. 2021)."""

    type: Literal["splade"]
    model: str = Field(description="name in the catalog's models, a hub id or a local folder")
    revision: str | None = None
    max_seq_length: PositiveInt = Field(default=512, description="tokens; longer passages are cut")
    batch_size: PositiveInt = 32


class PublishedRun(Strict):
    """A first stage made elsewhere."""

    type: Literal["run"]
    path: str = Field(description="TREC run; {collection} and {language} are filled in")


class Hybrid(Strict):
    """Other first stages fused by reciprocal ranks."""

    type: Literal["hybrid"]
    of: list[str] = Field(min_length=2, description="names of the retrievers that are fused")
    k: PositiveInt = Field(default=60, description="of reciprocal rank fusion")
    depth: PositiveInt = Field(default=1000, description="passages kept for a query")


class Shuffled(Strict):
    """Another first stage's passages in random order, to see whether a reranker reads or copies."""

    type: Literal["shuffled"]
    of: list[str] = Field(min_length=1, max_length=1, description="name of the retriever")
    depth: PositiveInt = Field(default=20, description="passages that are shuffled and kept")
    seed: int = 0


class Dense(Strict):
    """Another first stage's passages in the order of a bi-encoder's similarity (Reimers & Gurevych 2019)."""

    type: Literal["dense"]
    of: list[str] = Field(min_length=1, max_length=1, description="name of the retriever")
    depth: PositiveInt = Field(default=100, description="passages that are encoded and kept")
    model: str = Field(description="name in the catalog's models, a hub id or a local folder")
    revision: str | None = None
    max_seq_length: PositiveInt = Field(default=256, description="tokens; longer passages are cut")
    batch_size: PositiveInt = 64


Retriever = Annotated[BM25 | Splade | PublishedRun | Hybrid | Shuffled | Dense, Field(discriminator="type")]


class PackagedModel(Strict):
    """Model files carried by a Python package, for machines that reach no hub."""

    package: str = Field(description="name==version")
    sha256: Sha256 = Field(description="of the package's wheel")
    member: str = Field(description="file or folder inside the wheel")
    format: Literal["gguf", "transformers"] = "transformers"
    licence: str
    note: str = ""


class AdaptedModel(Strict):
    """Another model of the catalog with what a training of this project adds to it."""

    base: str = Field(description="name among the models")
    adapter: str = Field(description="folder of a LoRA adapter, as PEFT saves it, or of a coarse difference")
    sha256: Sha256 = Field(description="of adapter_model.safetensors or delta.safetensors")
    licence: str
    note: str = ""


Model = PackagedModel | AdaptedModel


class Block(Strict):
    """One block of the grid: all combinations of its lists."""

    collections: list[str] = Field(min_length=1)
    languages: list[Language] = Field(min_length=1)
    retrievers: list[str] = Field(min_length=1)
    rerankers: list[str] = Field(default=["none"], min_length=1)

    @model_validator(mode="after")
    def no_repetition(self) -> "Block":
        """A name that stands twice is a slip."""
        for key, names in self:
            if len(set(names)) != len(names):
                raise ValueError(f"{key} names one twice: {', '.join(names)}")
        return self
