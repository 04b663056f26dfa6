"""Draw an experiment's figures, write its tables and the page that shows them."""

from pathlib import Path

from rankk.evaluation.experiment import COLUMNS
from rankk.io.files import write_json
from rankk.logs import job
from rankk.provenance import environment
from rankk.report import figures, tables
from rankk.report.answers.page import write_comparison
from rankk.report.evidence import Evidence
from rankk.report.home import comparable, write_home

with job(snakemake.log[0]):
    files = {table: snakemake.input[table] for table in COLUMNS}
    params = snakemake.params
    evidence = Evidence(files, params.passage_languages, params.titles, params.published, params.test_time)
    drawings = Path(snakemake.output.figures[0]).parent
    figures.draw(evidence, params.figures, drawings)
    facts = {"experiment": snakemake.params.experiment, "provenance": environment()}
    write_json(snakemake.output.configuration, facts)
    filled = tables.write(evidence, params.tables, Path(snakemake.output.tables[0]).parent)
    write_home(snakemake.output.home, evidence, figures=params.figures, tables=filled, folder=drawings, facts=facts)
    cells = comparable(evidence, str(Path(snakemake.output.comparison).parent))
    write_comparison(snakemake.output.comparison, params.experiment["experiment"], cells)
