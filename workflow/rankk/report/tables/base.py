"""Base class of tables, and what a filled table holds."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from rankk.component import Component
from rankk.report.evidence import Evidence

if TYPE_CHECKING:
    import pandas as pd

    from rankk.experiment import Experiment


@dataclass(frozen=True)
class Filled:
    """A table's leading columns (texts) and values, rows alike; what is bold, and marks behind the values.

    `counts`: value columns that hold whole numbers. `bold` and `marks` may lack columns without any.
    """

    lead: "pd.DataFrame"
    values: "pd.DataFrame"
    caption: str
    note: str
    bold: "pd.DataFrame | None" = None
    marks: "pd.DataFrame | None" = None
    counts: Sequence[str] = field(default=())


class Table(Component):
    """One table in one module; filled from an experiment's results alone."""

    title: ClassVar[str] = ""
    """A few words for the report's table of contents."""

    @classmethod
    def shows(cls, experiment: "Experiment", published: Sequence[object]) -> bool:  # noqa: ARG003
        """Whether the table has something to say about an experiment; `published`: others' results for its cells."""
        return True

    @abstractmethod
    def fill(self, evidence: Evidence) -> Filled:
        """Values, marks, caption and note."""
