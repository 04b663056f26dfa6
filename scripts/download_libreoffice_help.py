"""Fetch LibreOffice's help pages as Debian packages."""

from pathlib import Path

from rankk.corpora.libreoffice_help import download
from rankk.logs import job

with job(snakemake.log[0], network=True):
    download(Path(snakemake.output[0]))
