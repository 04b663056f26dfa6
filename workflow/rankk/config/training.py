"""Training of a listwise reranker: windows, a teacher that orders them, and the fit (Rank-K, arXiv 2505.14432)."""

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from rankk.config.base import Strict


class FirstStageCell(Strict):
    """One first stage of the workflow."""

    collection: str = Field(description="name of a collection")
    language: str = Field(description="language of the queries (ISO 639-3)")
    retriever: str = Field(description="name of a retriever")
    copies: PositiveInt | None = Field(default=None, description="instead of the copies of all windows")
    query_languages: list[str] = Field(
        default=[],
        description="a window's query is put in one of these where the collection has it, drawn so that each language "
        "is asked about equally often",
    )
    parallel_passages: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of the windows with a query in another language whose passages are in that language too, "
        "where one of the corpus's parallel_corpora has them",
    )


class Windows(Strict):
    """The windows that are used for training."""

    of: list[FirstStageCell] = Field(min_length=1, description="first stages, e.g. a hybrid of several")
    development: list[FirstStageCell] = Field(default=[], description="first stages whose windows are only looked at")
    ranks: list[list[PositiveInt]] = Field(default=[[1, 20], [10, 30]], description="ranges of ranks [first, last]")
    sizes: list[PositiveInt] = Field(
        default=[10, 20],
        min_length=2,
        max_length=2,
        description="passages in a window, fewest and most; the larger of two draws, as most windows are full",
    )
    copies: PositiveInt = Field(default=1, description="windows a query and range, each drawn and shuffled anew")
    queries: PositiveInt | None = Field(default=None, description="keep so many of each first stage, evenly spaced")
    typed: float = Field(
        default=0.0, ge=0, le=1, description="share of queries put in lower case, without punctuation at the end"
    )
    keywords: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of English queries cut down to their content words, as keywords are typed",
    )
    seed: int = Field(default=0, description="of draws and shuffles")
    held_out: list[str] = Field(
        default=[], description="collections for evaluation: their queries and judged passages are never learnt from"
    )

    @model_validator(mode="after")
    def large_enough(self) -> "Windows":
        """A range must hold a window."""
        for first, last in self.ranks:
            if last - first + 1 < self.sizes[1]:
                raise ValueError(f"ranks: [{first}, {last}] has no room for windows of {self.sizes[1]}")
        return self


class Thoughts(Strict):
    """Shares of the windows learnt from whose answer begins with a thought; the others answer at once."""

    evidence: float = Field(default=0.0, ge=0, le=1, description="the sentence of the best passage that fits the query")
    grades: float = Field(default=0.0, ge=0, le=1, description="a grade for every passage, in the window's order")
    thresholds: list[float] = Field(
        default=[0.18, 0.37],
        max_length=8,
        description="first stage's scores from which on a passage that is not judged relevant gets grade 1, 2, …; "
        "judged relevant ones get the grade above (the defaults are cosines of all-MiniLM-L6-v2)",
    )
    cut: float = Field(
        default=0.0, ge=0, le=1, description="share of the grades cut off anywhere, as a thinking budget cuts them"
    )

    @model_validator(mode="after")
    def possible(self) -> "Thoughts":
        """Shares of a whole, thresholds from low to high."""
        if self.evidence + self.grades > 1:
            raise ValueError(f"evidence {self.evidence} and grades {self.grades} are more than all windows")
        if self.thresholds != sorted(self.thresholds):
            raise ValueError(f"thresholds: {self.thresholds} do not rise")
        return self


class Fit(Strict):
    """How weights are moved. Lengths in tokens."""

    lora_rank: PositiveInt | None = Field(default=32, description="of adapters on all linear layers; null: all weights")
    lora_alpha: PositiveInt = Field(default=64, description="scale of the adapters")
    embeddings: bool = Field(default=True, description="they move too where all weights do")
    learning_rate: PositiveFloat = Field(default=1e-3, description="peak, after the warm-up")
    epochs: PositiveFloat = Field(default=1.0, description="passes over the examples")
    gradient_checkpointing: bool = Field(default=False, description="less memory, a third more work")
    batch: PositiveInt = Field(default=32, description="windows a step")
    micro_batch: PositiveInt = Field(default=8, description="windows at once on the device")
    warmup: float = Field(default=0.03, ge=0, lt=1, description="share of the steps")
    weight_decay: float = Field(default=0.0, ge=0, description="of the optimizer (AdamW)")
    evaluations: NonNegativeInt = Field(default=10, description="looks at the development windows, evenly spaced")
    checkpoint_minutes: PositiveFloat = Field(default=10.0, description="between checkpoints, from which a job goes on")
    gpus: int = Field(default=1, ge=0, le=1, description="asked of the scheduler; a fit is one process")
    seed: int = Field(default=0, description="of the order of the examples")


class Training(Strict):
    """One entry of `training`: its name is the name of the model that comes out."""

    base: str = Field(description="model that is trained: name in the catalog's models, hub id or folder")
    revision: str | None = Field(default=None, description="commit of the base on its hub")
    reranker: str = Field(description="reranker that the model is trained for: its prompt, passage tokens and thinking")
    windows: Windows = Field(description="which windows are learnt from")
    teacher: str = Field(default="labels", description="a reranker that orders the windows, or labels: by judgments")
    min_agreement: float | None = Field(
        default=None, ge=0, le=1, description="nDCG of the teacher's order by the judgments under which it is left out"
    )
    thoughts: Thoughts = Field(default=Thoughts(), description="labels: which answers begin with a thought")
    undecided: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="labels: share kept of the windows whose judgments tell nothing apart, in the first stage's order",
    )
    shortest_passages: PositiveInt | None = Field(
        default=None,
        description="tokens; each window's passages are cut between this and the reranker's passage_tokens",
    )
    max_length: PositiveInt = Field(default=4096, description="prompt and answer; longer examples are counted and left")
    fit: Fit = Field(default=Fit(), description="how weights are moved")
    licence: str = Field(description="of the model that comes out, with what it follows from")
