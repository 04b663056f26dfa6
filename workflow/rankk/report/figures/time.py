"""Time by stage."""

from typing import TYPE_CHECKING, ClassVar

from rankk.report.evidence import Evidence
from rankk.report.figures.base import Figure, Subject
from rankk.report.style import COLOURS, HATCHES, Drawn, panels, rows

if TYPE_CHECKING:
    from rankk.experiment import Experiment

WAITING = "engine start"


class Time(Figure):
    """Seconds by stage, all jobs of a stage added up; waiting for an engine to start is apart from reranking."""

    name: ClassVar[str] = "time"
    title: ClassVar[str] = "Time by stage"
    subject: ClassVar[Subject] = "cost"
    needs: ClassVar[str] = "resources"

    @classmethod
    def shows(cls, experiment: "Experiment") -> bool:
        """Whether the experiment has any cell."""
        return bool(experiment.cells)

    def plot(self, evidence: Evidence) -> Drawn:
        """Bars."""
        import pandas as pd

        jobs = evidence.resources.copy()
        starts = jobs["engine_start_seconds"].astype(float).fillna(0)
        engines = jobs.assign(stage=WAITING, seconds=starts)[starts > 0]
        jobs["seconds"] = (jobs["seconds"] - starts).clip(lower=0)
        parts = pd.concat([jobs, engines]) if len(engines) else jobs
        data = parts.groupby("stage", sort=False)["seconds"].agg(["sum", "size", "max"]).reset_index()
        data.columns = ["stage", "seconds", "jobs", "longest"]
        figure, (axis,) = panels(1, narrowest=self.width, height=0.5 + 0.2 * len(data), width=self.width)
        axis.barh(range(len(data)), data["seconds"], 0.7, color=COLOURS[0], hatch=HATCHES[0])
        for position, seconds in enumerate(data["seconds"]):
            axis.text(seconds, position, f" {seconds:,.0f} s", va="center", fontsize=7)
        rows(axis, [f"{row.stage} ({row.jobs})" for row in data.itertuples()])
        axis.margins(x=0.15)
        axis.grid(axis="y", visible=False)
        axis.set_xlabel("seconds, all jobs")
        caption = (
            f"Time by stage: {data['seconds'].sum():,.0f} s of {data['jobs'].sum():,.0f} jobs when each was last run; "
            "the number of jobs in brackets. Jobs run side by side, so the elapsed time is shorter."
        )
        alt = "Bars of seconds by stage: " + ", ".join(f"{row.stage} {row.seconds:.0f} s" for row in data.itertuples())
        return Drawn(figure, data, caption, alt)
