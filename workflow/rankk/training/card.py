"""Files that describe a trained model: its model card and the figure of its loss."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined

from rankk.io.files import atomic_write, read_json
from rankk.report.style import COLUMN_WIDTH, STYLE, Drawn, pyplot, save
from rankk.training.sft import FIRST_PLACES

TEMPLATE = Path(__file__).with_name("card.md")


def draw_loss(trained: str | Path, figure: str | Path) -> None:
    """Draw the loss and the share of right first places, on training windows and on development windows.

    `trained`: the folder that `rankk.training.sft.fine_tune` wrote. `figure`: path of one of the figure's
    files; PDF, PNG, data, caption and alt text are written under the same name, as for every figure.
    """
    data = pd.read_csv(Path(trained, "training.csv"))
    target, plt = Path(figure), pyplot()
    with plt.style.context(STYLE):
        drawn, axes = plt.subplots(2, sharex=True, figsize=(COLUMN_WIDTH, 3.2), layout="constrained")
        for axis, what, name in zip(
            axes, ("loss", FIRST_PLACES), ("loss (nats a token)", "right first places"), strict=True
        ):
            for column, label, line in ((what, "learnt from", "-"), (f"development_{what}", "development", "o--")):
                rows = data.dropna(subset=[column])
                if len(rows):
                    axis.plot(rows["step"], rows[column], line, label=label, markersize=3)
            axis.set_ylabel(name)
        axes[0].legend()
        axes[1].set_xlabel("step")
        last = data["step"].max()
        caption = (
            f"Loss on the answers' tokens and share of orders with the right first place, over {last} steps; those of "
            "windows learnt from are means over each interval."
        )
        save(Drawn(drawn, data, caption, f"Curves of loss and accuracy over {last} steps."), target.parent, target.stem)


def write_card(
    path: str | Path,
    name: str,
    training: Mapping[str, Any],
    licences: Mapping[str, str],
    *,
    windows: str | Path,
    examples: str | Path,
    tokens: str | Path,
    trained: str | Path,
    summary: str | Path,
    significance: str | Path,
) -> None:
    """Write a model card: recipe, data and licences, counts of what was left out, and the experiment's results.

    `training`: settings of the training. `licences`: licence of the texts by collection. `windows`, `examples` and
    `tokens`: JSON files with the counts of each stage. `trained`: folder of the trained model. `summary` and
    `significance`: CSV tables of the experiment.
    """
    results = pd.read_csv(summary)
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False
    )
    card = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        name=name,
        training=training,
        licences=licences,
        windows=pd.read_json(windows, typ="series").to_dict(),
        examples=pd.read_json(examples, typ="series").to_dict(),
        tokens=pd.read_json(tokens, typ="series").to_dict(),
        facts=read_json(Path(trained, "training.json")),
        results=results.to_dict("records"),
        differences=pd.read_csv(significance).to_dict("records"),
    )
    with atomic_write(path) as file:
        file.write(card)
