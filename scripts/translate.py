"""Translate a collection's queries."""

import os

from rankk.config.translator import Translator
from rankk.fetching.scratch import on_this_node
from rankk.jobs import OWNER, shared_backend
from rankk.logs import job
from rankk.translation import translate

settings = snakemake.params.settings
with job(snakemake.log[0]):
    model = str(snakemake.input.model)
    translate(
        snakemake.input.queries,
        snakemake.output.queries,
        Translator(**settings["translator"] | shared_backend(f"translators.{settings['name']}")),
        source=settings["source"],
        target=settings["target"],
        model=on_this_node(model, snakemake.resources.get("scratch")) if model else None,
        engine_owner=int(os.environ[OWNER]),
    )
