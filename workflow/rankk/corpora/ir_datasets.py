"""Corpora and collections of ir_datasets (MacAvaney et al. 2021), which fetches and checks them."""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Self

from pydantic import Field

from rankk.config.base import Language
from rankk.corpora.base import Inputs, PassageSource, TopicSource
from rankk.corpora.build import Topics
from rankk.errors import RankkError
from rankk.fetching.base import Download
from rankk.io.files import atomic_write, read_jsonl
from rankk.io.trec import read_qrels
from rankk.progress import bar

PASSAGES, QUERIES, QRELS = "passages.jsonl.gz", "queries.jsonl", "qrels.txt"
TEXTS = ("title", "text")
NEUCLIR_2023 = re.compile(r"neuclir/1/(?:zh|fa|ru)/trec-2023")


class _FromIrDatasets(Download):
    """One part of a dataset: its passages, or its queries and judgments."""

    dataset: str = Field(description="id in ir_datasets")

    def fetch(self, folder: Path) -> None:
        """Write the part into the new `folder`. ir_datasets keeps the files that it downloads in IR_DATASETS_HOME.

        RankkError if ir_datasets does not know the dataset or cannot fetch it.
        """
        import ir_datasets

        try:
            dataset = ir_datasets.load(self.dataset)
        except KeyError:
            raise RankkError(
                f"{self.dataset}: ir_datasets does not know it; https://ir-datasets.com lists all names"
            ) from None
        folder.mkdir()
        try:
            self.write(dataset, folder)
        except (RuntimeError, OSError) as error:
            raise RankkError(
                f"{self.dataset}: ir_datasets could not fetch it: {error}. Look at https://ir-datasets.com/"
                f"{self.dataset.split('/')[0]}.html for licences to accept; files fetched by hand belong into "
                "IR_DATASETS_HOME"
            ) from None

    def write(self, dataset: Any, folder: Path) -> None:
        """Write the part of a loaded dataset into `folder`."""
        raise NotImplementedError


class PassagesDownload(_FromIrDatasets):
    """A dataset's passages."""

    name = "ir-datasets-passages"

    @property
    def target(self) -> str:
        """The dataset's id."""
        return f"ir_datasets/{self.dataset}.passages"

    def write(self, dataset: Any, folder: Path) -> None:
        """Write ids, titles and texts as JSON lines, one passage at a time."""
        with atomic_write(folder / PASSAGES) as file, bar(what="passages", unit="passages") as progress:
            for document in dataset.docs_iter():
                texts = {name: getattr(document, name) for name in TEXTS if getattr(document, name, None)}
                text = {"text": ""} | texts if texts else {"contents": document.default_text()}
                file.write(json.dumps({"id": document.doc_id} | text, ensure_ascii=False) + "\n")
                progress.update()


class TopicsDownload(_FromIrDatasets):
    """A dataset's queries, with all their fields, and judgments."""

    name = "ir-datasets-topics"

    @property
    def target(self) -> str:
        """The dataset's id."""
        return f"ir_datasets/{self.dataset}.topics"

    def write(self, dataset: Any, folder: Path) -> None:
        """Write queries as JSON lines, and judgments in TREC's format, sorted by query id."""
        with atomic_write(folder / QUERIES) as file:
            for query in self._queries(dataset):
                file.write(json.dumps(query._asdict(), ensure_ascii=False, default=str) + "\n")
        with atomic_write(folder / QRELS) as file:
            judgments = sorted(dataset.qrels_iter(), key=lambda judgment: judgment.query_id)
            for qid, group in groupby(judgments, key=lambda judgment: judgment.query_id):
                file.writelines(f"{qid} 0 {judged.doc_id} {judged.relevance}\n" for judged in group)

    def _queries(self, dataset: Any) -> Iterator[Any]:
        """The dataset's queries; for NeuCLIR 2023, only those with judgments.

        ir_datasets (0.6.3) filters the queries of NeuCLIR 2023 by the query ids of 2022, which leaves no query
        (https://github.com/allenai/ir_datasets/issues/292).
        """
        if not NEUCLIR_2023.fullmatch(self.dataset):
            yield from dataset.queries_iter()
            return
        judged = {judgment.query_id for judgment in dataset.qrels_iter()}
        unfiltered = dataset.queries_handler()._queries_handler
        yield from (query for query in unfiltered.queries_iter() if query.query_id in judged)


class IrDatasetsPassages(PassageSource):
    """Passages of a dataset."""

    name = "ir-datasets"

    dataset: str = Field(description="id of a dataset with passages, e.g. beir/nfcorpus")

    def downloads(self) -> Sequence[Download]:
        """The download of the passages."""
        return [PassagesDownload(dataset=self.dataset)]

    def records(self, inputs: Inputs) -> Iterator[tuple[str, dict[str, Any]]]:
        """The passages of the download, in their order."""
        source = Path(inputs["downloads"][0], PASSAGES)
        return ((f"{source}:{number}", record) for number, record in read_jsonl(source))


class IrDatasetsTopics(TopicSource):
    """Queries and judgments of a dataset."""

    name = "ir-datasets"

    dataset: str = Field(description="id of a dataset with queries and judgments, e.g. beir/nfcorpus/test")
    queries: dict[Language, list[str]] = Field(
        default={"eng": ["text"]}, min_length=1, description="by language: fields of the topics, joined by a blank"
    )

    @property
    def languages(self) -> list[str]:
        """Languages for which the setting `queries` names fields."""
        return list(self.queries)

    def only(self, language: str) -> Self:
        """The same source without the queries of other languages."""
        return self.model_copy(update={"queries": {language: self.queries[language]}})

    def downloads(self) -> Sequence[Download]:
        """The download of the queries and judgments."""
        return [TopicsDownload(dataset=self.dataset)]

    def topics(self, inputs: Inputs) -> Topics:
        """The queries and judgments of the download. RankkError names a field that the topics do not have."""
        folder = Path(inputs["downloads"][0])
        queries: dict[str, dict[str, str]] = {language: {} for language in self.queries}
        for number, record in read_jsonl(folder / QUERIES):
            for language, fields in self.queries.items():
                if missing := [name for name in fields if name not in record]:
                    raise RankkError(
                        f"{folder / QUERIES}:{number}: no field {missing[0]!r}; there are {', '.join(record)}"
                    )
                text = " ".join(" ".join(str(record[name]).split()) for name in fields if record[name])
                if text.strip():  # a topic without a translation has no query in that language
                    queries[language][str(record["query_id"])] = text
        return Topics(queries=queries, qrels=read_qrels(folder / QRELS), where=str(folder / QRELS))
