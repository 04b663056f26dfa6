"""Base class of figures, and how they are saved."""

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from pydantic import Field

from rankk.component import Component
from rankk.report.evidence import Evidence
from rankk.report.style import TEXT_WIDTH, Drawn, panels

if TYPE_CHECKING:
    import pandas as pd

    from rankk.experiment import Experiment


Subject = Literal["effectiveness", "queries", "answers", "cost"]
"""What a figure is about."""
SUBJECTS: tuple[Subject, ...] = get_args(Subject)
"""In the order in which pages show the figures."""


class Figure(Component):
    """One figure in one module; drawn from an experiment's tables alone.

    A figure is at most one page (9.5 inches) high: where an experiment has too many collections, their values are
    averaged by family, and what still finds no room is in the data alone.
    """

    title: ClassVar[str] = ""
    """A few words for the report's table of contents."""
    subject: ClassVar[Subject] = "effectiveness"
    needs: ClassVar[str] = ""
    """The table of `Evidence` without whose rows there is nothing to plot."""

    width: float = Field(default=TEXT_WIDTH, gt=0, description="inches: 6.75 is a page's width, 3.25 a column's")

    @classmethod
    def shows(cls, experiment: "Experiment") -> bool:
        """Whether the figure has something to say about an experiment, as known from its configuration."""
        return any(cell.reranked for cell in experiment.cells)

    def draw(self, evidence: Evidence) -> Drawn:
        """Figure, data, caption and alt text; one that says so where there is nothing to plot."""
        rows = getattr(evidence, self.needs)
        return self.plot(evidence) if len(rows) else nothing(self.title, rows, self.width)

    @abstractmethod
    def plot(self, evidence: Evidence) -> Drawn:
        """Figure, data, caption and alt text of results that have rows in the table `needs`."""


def nothing(title: str, rows: "pd.DataFrame", width: float) -> Drawn:
    """A figure without data."""
    figure, (axis,) = panels(1, narrowest=width, height=0.5, width=width)
    axis.text(0.5, 0.5, "no data", ha="center", va="center", fontsize=8)
    axis.set_axis_off()
    text = f"{title}: the results hold no data for this figure (n = 0)."
    return Drawn(figure, rows, text, text)
