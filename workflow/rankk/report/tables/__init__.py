"""Tables of an experiment: one class in one module each, found by the registry."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rankk.component import Registry
from rankk.report.tables.base import Filled, Table

if TYPE_CHECKING:
    from rankk.report.evidence import Evidence

TABLES = Registry("table", Table, __name__)

FORMATS = ("csv", "tex", "md")


def write(evidence: "Evidence", names: Sequence[str], folder: str | Path) -> dict[str, Filled]:
    """Write the named tables in all `FORMATS`; returns them by name."""
    from rankk.io.files import atomic_write, write_csv
    from rankk.report.formats import data, latex, markdown

    tables = {name: TABLES.get(name)().fill(evidence) for name in names}
    for name, filled in tables.items():
        write_csv(Path(folder, f"{name}.csv"), data(filled))
        for suffix, text in (("tex", latex(filled, name)), ("md", markdown(filled))):
            with atomic_write(Path(folder, f"{name}.{suffix}")) as file:
                file.write(text)
    return tables
