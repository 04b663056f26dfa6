"""Corpora and collections in files of the user, or in files of a dataset's repository on the hub."""

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
"""A local path, or hub://owner/dataset[@revision]/path for a file in a dataset's repository."""


def hub_file(path: str) -> HubFile | None:
    """The download of a hub:// path; None for a local path."""
    if match := HUB.fullmatch(path):
        return HubFile(dataset=match["dataset"], revision=match["revision"] or "main", file=match["file"])
    return None


def local(path: str) -> str:
    """The input that a job declares: the local path itself, or the folder of the download."""
    download = hub_file(path)
    return download.path if download else path


def file_of(path: str) -> str:
    """The file of a declared input: the path itself, or the only file in a download's folder that is not hidden."""
    return str(next(Path(path).glob("[!.]*"))) if Path(path).is_dir() else path


class FilesPassages(PassageSource):
    """Passages in one file of JSON lines."""

    name = "files"

    passages: File = Field(
        description='JSON lines {"id", "contents"} or {"id", "title", "text"}; .gz allowed; or a hub:// path'
    )

    def downloads(self) -> Sequence[Download]:
        """The download of the file, if it is on the hub."""
        return [download] if (download := hub_file(self.passages)) else []

    def inputs(self) -> dict[str, Any]:
        """The file of passages."""
        return {"source": local(self.passages)}

    def records(self, inputs: Inputs) -> Iterator[tuple[str, dict[str, Any]]]:
        """The lines of the file, in their order."""
        source = file_of(inputs["source"])
        return ((f"{source}:{number}", record) for number, record in read_jsonl(source))


class FilesTopics(TopicSource):
    """Queries and judgments in files."""

    name = "files"

    queries: dict[Language, File] = Field(min_length=1, description="`qid<TAB>text` files by language; or hub:// paths")
    qrels: File = Field(description="TREC qrels; .gz allowed; or a hub:// path")

    @property
    def languages(self) -> list[str]:
        """Languages of the files with queries."""
        return list(self.queries)

    def only(self, language: str) -> Self:
        """The same source without the queries of other languages."""
        return self.model_copy(update={"queries": {language: self.queries[language]}})

    def downloads(self) -> Sequence[Download]:
        """The downloads of those files that are on the hub."""
        return [download for path in (*self.queries.values(), self.qrels) if (download := hub_file(path))]

    def inputs(self) -> dict[str, Any]:
        """The files of queries and judgments."""
        return {"queries": [local(path) for path in self.queries.values()], "qrels": local(self.qrels)}

    def topics(self, inputs: Inputs) -> Topics:
        """The queries and judgments in the files."""
        texts = [read_queries(file_of(path)) for path in inputs["queries"]]
        qrels = file_of(inputs["qrels"])
        return Topics(queries=dict(zip(self.queries, texts, strict=True)), qrels=read_qrels(qrels), where=qrels)
