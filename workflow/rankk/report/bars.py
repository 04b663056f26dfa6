"""Stacked bars of shares, in groups under a heading."""

from collections.abc import Mapping, Sequence
from typing import Any

from rankk.report.style import COLOURS, HATCHES, LEGEND, PAGE_HEIGHT, characters, legend, panels, rows, shortened

BAR = 0.18  # inches that a bar or a heading takes
MOST_LINES = int((PAGE_HEIGHT - LEGEND - 0.6) / BAR)

Groups = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Counts by heading, bar and part."""


def fitting(groups: Groups) -> int:
    """How many of the groups one page holds."""
    lines = 0
    for number, bars in enumerate(groups.values()):
        lines += len(bars) + 1
        if lines > MOST_LINES:
            return number
    return len(groups)


def stacked(groups: Groups, parts: Sequence[str], colours: Mapping[str, int], width: float, x_label: str) -> Any:
    """A figure of the groups that fit on a page; each bar shows shares and has its total count beside it."""
    names: list[str] = []
    bars: list[Mapping[str, float]] = []
    headings: dict[int, str] = {}
    for heading, members in list(groups.items())[: max(1, fitting(groups))]:
        if heading:
            headings[len(names)] = heading
            names.append("")
            bars.append({})
        names += members
        bars += members.values()
    figure, (axis,) = panels(1, narrowest=width, height=0.5 + BAR * len(names), width=width)
    left = [0.0] * len(names)
    for part in parts:
        values = [counts.get(part, 0) / max(1, sum(counts.values())) for counts in bars]
        if any(values):
            number = colours[part] % len(COLOURS)
            axis.barh(range(len(names)), values, 0.8, left, color=COLOURS[number], hatch=HATCHES[number], label=part)
        left = [a + b for a, b in zip(left, values, strict=True)]
    rows(axis, names)
    for position, counts in enumerate(bars):
        if counts:
            axis.text(1.01, position, f"{sum(counts.values()):.0f}", va="center", fontsize=6)
    for position, heading in headings.items():
        text = shortened(heading, characters(axis))
        # At the figure's left edge, where a long heading has room, and without influence on the layout.
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
        where = {"xycoords": ("figure fraction", "data"), "va": "center", "fontsize": 7, "bbox": box}
        axis.annotate(text, (0.01, position), annotation_clip=False, **where).set_in_layout(False)
        axis.yaxis.get_major_ticks()[position].tick1line.set_visible(False)
    axis.grid(axis="y", visible=False)
    axis.spines["left"].set_visible(False)  # it would cross the headings
    axis.set_xlim(0, 1.08)
    axis.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axis.set_xlabel(x_label)
    legend(figure)
    return figure
