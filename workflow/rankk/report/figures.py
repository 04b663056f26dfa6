"""All figures by name."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt

from rankk.progress import bar
from rankk.report import behaviour, cost, effectiveness
from rankk.report.evidence import Evidence
from rankk.report.style import STYLE, Draw, save

FIGURES: dict[str, Draw] = {
    "effectiveness": effectiveness.effectiveness,
    "languages": effectiveness.languages,
    "gains": effectiveness.gains,
    "difficulty": effectiveness.difficulty,
    "movement": behaviour.movement,
    "outcomes": behaviour.outcomes,
    "reasoning": behaviour.reasoning,
    "cost": cost.cost,
    "time": cost.time,
}


def draw(evidence: Evidence, names: Sequence[str], folder: str | Path) -> None:
    """Draw the named figures into a folder, each as PNG, PDF, data, caption and alt text."""
    with plt.style.context(STYLE), bar(what="figures", unit="figures", total=len(names)) as progress:
        for name in names:
            save(FIGURES[name](evidence), Path(folder), name)
            progress.update()
