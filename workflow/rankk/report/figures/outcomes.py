"""How answers parsed."""

from typing import ClassVar

from rankk.report.bars import fitting, stacked
from rankk.report.evidence import Evidence
from rankk.report.figures.base import Figure, Subject
from rankk.report.style import Drawn, left_out
from rankk.reranking.tally import UNUSABLE
from rankk.reranking.types import Outcome


class Outcomes(Figure):
    """Shares of the outcomes of all answers, a bar per reranker under its query language."""

    name: ClassVar[str] = "outcomes"
    title: ClassVar[str] = "Outcomes of answers"
    subject: ClassVar[Subject] = "answers"
    needs: ClassVar[str] = "calls"

    def plot(self, evidence: Evidence) -> Drawn:
        """Stacked bars."""
        key = ["reranker", "language"]
        counts = evidence.calls.groupby([*key, "outcome"], sort=False, observed=True).size()
        counts = counts.rename("calls").reset_index().astype(dict.fromkeys([*key, "outcome"], str))
        counts["share"] = counts["calls"] / counts.groupby(key)["calls"].transform("sum")
        groups: dict[str, dict[str, dict[str, int]]] = {}
        for (language, reranker), group in counts.groupby(["language", "reranker"], sort=False):
            bars = groups.setdefault(evidence.shown(language), {})
            bars[evidence.shown(reranker)] = dict(zip(group["outcome"], group["calls"], strict=True))
        parts = [outcome.value for outcome in Outcome]
        colours = {part: number for number, part in enumerate(parts)}
        figure = stacked(groups, parts, colours, self.width, "share of the answers")
        asked = counts.groupby("reranker", sort=False)["calls"].sum()
        usable = counts[~counts["outcome"].isin(UNUSABLE)].groupby("reranker", sort=False)["calls"].sum()
        caption = (
            "Outcomes of the models' answers. ok: complete and in the requested form; repaired: complete after repairs "
            "that the table of calls names; partial: some passages were not named; truncated, empty, refused: "
            f"unusable, the order stays. Numbers: answers, n = {asked.sum()} in all."
            + left_out(fitting(groups), len(groups), "languages")
        )
        alt = "Stacked bars of answer outcomes. Share of usable answers: " + ", ".join(
            f"{evidence.shown(name)} {usable.get(name, 0) / count:.0%}" for name, count in asked.items()
        )
        return Drawn(figure, counts, caption, alt)
