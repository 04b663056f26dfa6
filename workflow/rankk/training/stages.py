"""Inputs and parameters of the workflow's training rules."""

from dataclasses import dataclass
from typing import Any

from rankk import paths
from rankk.config.training import FirstStageCell
from rankk.experiment import Experiment

Files = dict[str, Any]
"""The fields of `rankk.training.windows.Files`, by name."""


@dataclass(frozen=True)
class TrainingStages:
    """Files and parameters of an experiment's trainings. `model` is the name of the model that a training makes."""

    experiment: Experiment

    def first_stage(self, cell: FirstStageCell) -> Files:
        """Files of one first stage from which windows are drawn."""
        corpus = self.experiment.corpora[self.experiment.collections[cell.collection].corpus]
        return {
            "run": paths.run(cell.collection, cell.language, cell.retriever),
            **self._collection(cell.collection, cell.language),
            "copies": cell.copies,
            "parallel_share": cell.parallel_passages,
            "queries_in": {language: paths.queries(cell.collection, language) for language in cell.query_languages},
            "passages_in": {
                language: paths.passages(corpus.parallel_corpora[language])
                for language in cell.query_languages
                if cell.parallel_passages and language in corpus.parallel_corpora
            },
        }

    def _collection(self, name: str, language: str) -> Files:
        corpus = self.experiment.collections[name].corpus
        return {
            "queries": paths.queries(name, language),
            "passages": paths.passages(corpus),
            "qrels": paths.qrels(name),
        }

    def learnt(self, model: str) -> list[Files]:
        """First stages whose windows the model is trained on."""
        return [self.first_stage(cell) for cell in self.experiment.training[model].windows.of]

    def development(self, model: str) -> list[Files]:
        """First stages whose windows are used only to measure the loss."""
        return [self.first_stage(cell) for cell in self.experiment.training[model].windows.development]

    def held_out(self, model: str) -> list[Files]:
        """Files of the collections that a training must not see, one entry per query language; `run` is empty."""
        return [
            {"run": ""} | self._collection(name, language)
            for name in self.experiment.training[model].windows.held_out
            for language in self.experiment.collections[name].source.languages
        ]

    @staticmethod
    def texts(parts: list[Files]) -> list[str]:
        """All paths in some entries, as the input of a rule."""
        return [
            path
            for files in parts
            for value in files.values()
            for path in (value.values() if isinstance(value, dict) else [value])
            if isinstance(path, str) and path
        ]

    def teacher(self, model: str) -> tuple[str, dict[str, Any]] | None:
        """Name and deciding settings of the reranker that orders the windows; None if the judgments order them."""
        name = self.experiment.training[model].teacher
        return None if name == "labels" else (name, self.experiment.rerankers[name].deciding())

    def teacher_model(self, model: str) -> list[str]:
        """The folder of the teacher's model; empty if the judgments order the windows."""
        name = self.experiment.training[model].teacher
        return [] if name == "labels" else self.experiment.model_files(name)

    def teacher_gpus(self, model: str) -> int:
        """Number of GPUs that the teacher's engine needs."""
        name = self.experiment.training[model].teacher
        return 0 if name == "labels" else self.experiment.gpus(name)

    def base(self, model: str) -> list[str]:
        """The folder of the model that is trained; empty if the model is a folder of the user."""
        training = self.experiment.training[model]
        return self.experiment.model_folder(training.base, training.revision)

    def licences(self, model: str) -> dict[str, str]:
        """Licences of the texts that the model is trained on, by collection."""
        cells = self.experiment.training[model].windows.of
        names = dict.fromkeys(cell.collection for cell in cells)
        return {name: self._licence(name) for name in names}

    def _licence(self, collection: str) -> str:
        settings = self.experiment.collections[collection]
        return settings.licence or self.experiment.corpora[settings.corpus].licence
