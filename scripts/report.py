"""Draw an experiment's figures and write its tables."""

from pathlib import Path

from rankk.evaluation.experiment import COLUMNS
from rankk.io.files import write_json
from rankk.logs import job
from rankk.provenance import environment
from rankk.report import figures, tables
from rankk.report.evidence import Evidence

with job(snakemake.log[0]):
    files = {table: snakemake.input[table] for table in COLUMNS}
    params = snakemake.params
    evidence = Evidence(files, params.passage_languages, params.titles, params.published)
    figures.draw(evidence, snakemake.params.figures, Path(snakemake.output.figures[0]).parent)
    facts = {"experiment": snakemake.params.experiment, "provenance": environment()}
    write_json(snakemake.output.configuration, facts)
    tables.write(evidence, snakemake.params.tables, Path(snakemake.output.tables[0]).parent)
