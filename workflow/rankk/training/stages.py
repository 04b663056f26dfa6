"""Inputs and parameters of the rules of a training."""

from dataclasses import dataclass
from typing import Any

from rankk import paths
from rankk.config.training import FirstStageCell
from rankk.experiment import Experiment

Files = dict[str, Any]
"""What `rankk.training.windows.Files` holds."""


@dataclass(frozen=True)
class TrainingStages:
    """Files and parameters of the trainings of an experiment, by the name of the model that comes out."""

    experiment: Experiment

    def first_stage(self, cell: FirstStageCell) -> Files:
        """Files of a first stage that windows are drawn from."""
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
        """First stages whose windows are learnt from."""
        return [self.first_stage(cell) for cell in self.experiment.training[model].windows.of]

    def development(self, model: str) -> list[Files]:
        """First stages whose windows only measure the loss."""
        return [self.first_stage(cell) for cell in self.experiment.training[model].windows.development]

    def held_out(self, model: str) -> list[Files]:
        """Files of the collections that a training must not see, by query language; their runs are not read."""
        return [
            {"run": ""} | self._collection(name, language)
            for name in self.experiment.training[model].windows.held_out
            for language in self.experiment.collections[name].source.languages
        ]

    @staticmethod
    def texts(parts: list[Files]) -> list[str]:
        """All paths of some parts, for a rule's input."""
        return [
            path
            for files in parts
            for value in files.values()
            for path in (value.values() if isinstance(value, dict) else [value])
            if isinstance(path, str) and path
        ]

    def teacher(self, model: str) -> tuple[str, dict[str, Any]] | None:
        """Name and deciding settings of the reranker that orders a training's windows; None: judgments do."""
        name = self.experiment.training[model].teacher
        return None if name == "labels" else (name, self.experiment.rerankers[name].deciding())

    def teacher_model(self, model: str) -> list[str]:
        """The folder of the teacher's model."""
        name = self.experiment.training[model].teacher
        return [] if name == "labels" else self.experiment.model_files(name)

    def teacher_gpus(self, model: str) -> int:
        """GPUs that the teacher's engine takes."""
        name = self.experiment.training[model].teacher
        return 0 if name == "labels" else self.experiment.gpus(name)

    def base(self, model: str) -> list[str]:
        """The folder of the model that is trained; nothing for a folder of the user's."""
        training = self.experiment.training[model]
        return self.experiment.model_folder(training.base, training.revision)

    def licences(self, model: str) -> dict[str, str]:
        """Licences of the texts that are learnt from, by collection."""
        cells = self.experiment.training[model].windows.of
        names = dict.fromkeys(cell.collection for cell in cells)
        return {name: self._licence(name) for name in names}

    def _licence(self, collection: str) -> str:
        settings = self.experiment.collections[collection]
        return settings.licence or self.experiment.corpora[settings.corpus].licence
