"""A corpus and a collection in the user's own files, or in files of a dataset's repository on the hub."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field

from rankk.config.base import FilePath, Language
from rankk.corpora.base import Inputs, PassageSource, TopicSource
from rankk.corpora.build import Topics
from rankk.fetching.base import Download
from rankk.fetching.hub import HubFile
from rankk.io.files import read_jsonl
from rankk.io.trec import read_qrels, read_queries

HUB = re.compile(r"hub://(?P<dataset>[^/]+/[^/@]+)(?:@(?P<revision>[^/]+))?/(?P<file>.+)")


def _well_formed(path: str) -> str:
    if path.startswith("hub://") and not HUB.fullmatch(path):
        raise ValueError("expected hub://owner/dataset[@revision]/path/of/the/file")
    return path


File = Annotated[FilePath, AfterValidator(_well_formed)]
"""A path, or hub://owner/dataset[@revision]/path of a file in a dataset's repository."""


def hub_file(path: str) -> HubFile | None:
    """The download of a hub:// path; None for a path of the user's."""
    if match := HUB.fullmatch(path):
        return HubFile(dataset=match["dataset"], revision=match["revision"] or "main", file=match["file"])
    return None


def local(path: str) -> str:
    """The input that a job declares: a path of the user's, or the folder of a download."""
    download = hub_file(path)
    return download.path if download else path


def file_of(path: str) -> str:
    """The file that a declared input stands for: itself, or the one in a download's folder beside Snakemake's own."""
    return str(next(Path(path).glob("[!.]*"))) if Path(path).is_dir() else path


class FilesPassages(PassageSource):
    """Passages in one file."""

    name = "files"

    passages: File = Field(
        description='JSON lines {"id", "contents"} or {"id", "title", "text"}; .gz allowed; or a hub:// path'
    )

    def downloads(self) -> Sequence[Download]:
        """The file on the hub."""
        return [download] if (download := hub_file(self.passages)) else []

    def inputs(self) -> dict[str, Any]:
        """The file."""
        return {"source": local(self.passages)}

    def records(self, inputs: Inputs) -> Iterator[tuple[str, dict[str, Any]]]:
        """Lines of the file."""
        source = file_of(inputs["source"])
        return ((f"{source}:{number}", record) for number, record in read_jsonl(source))


class FilesTopics(TopicSource):
    """Queries and judgments in files."""

    name = "files"

    queries: dict[Language, File] = Field(min_length=1, description="`qid<TAB>text` files by language; or hub:// paths")
    qrels: File = Field(description="TREC qrels; .gz allowed; or a hub:// path")

    @property
    def languages(self) -> list[str]:
        """Languages of the files."""
        return list(self.queries)

    def only(self, language: str) -> Self:
        """Without the queries of other languages."""
        return self.model_copy(update={"queries": {language: self.queries[language]}})

    def downloads(self) -> Sequence[Download]:
        """The files on the hub."""
        return [download for path in (*self.queries.values(), self.qrels) if (download := hub_file(path))]

    def inputs(self) -> dict[str, Any]:
        """The files."""
        return {"queries": [local(path) for path in self.queries.values()], "qrels": local(self.qrels)}

    def topics(self, inputs: Inputs) -> Topics:
        """Content of the files."""
        texts = [read_queries(file_of(path)) for path in inputs["queries"]]
        qrels = file_of(inputs["qrels"])
        return Topics(queries=dict(zip(self.queries, texts, strict=True)), qrels=read_qrels(qrels), where=qrels)
