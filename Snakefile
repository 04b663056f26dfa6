"""Experiments on reranking with reasoning language models.

snakemake                               the demo (config/config.yaml)
snakemake --configfile config/X.yaml    any other experiment
"""

import os
import sys

from snakemake.utils import min_version

# Earlier versions read the minutes of a profile's `runtime` as seconds (Snakemake's issue 4039).
min_version("9.19")

# The package beside this file, here and in the scripts of jobs. A workflow that Snakemake reads from a server has no
# such folder: there the package is installed, in the same version (`pip install`, see README.md).
PACKAGE = os.path.join(
    workflow.current_basedir.get_path_or_uri(secret_free=True), "workflow"
)
if os.path.isdir(PACKAGE):
    sys.path.insert(0, PACKAGE)

from rankk import paths, show, slurm
from rankk.config.loading import DATA, check
from rankk.errors import RankkError
from rankk.evaluation.experiment import COLUMNS
from rankk.jobs import (
    JobResources,
    fetch_from,
    import_from,
    own_engines,
    share_backends,
    share_plugins,
)
from rankk.fingerprint import fingerprint
from rankk.io.yaml_files import read_yaml
from rankk.report import contents
from rankk.report.figures import FORMATS as FIGURE_FORMATS
from rankk.report.tables import FORMATS as TABLE_FORMATS
from rankk.stages import Stages, pattern

# A file given on the command line stands alone instead of being merged into the demo's. A Snakefile that uses this one
# as a module gives the configuration itself.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


CONFIG = [*workflow.configfiles, *map(str, workflow.overwrite_configfiles or [])]

try:
    for file in filter(os.path.isfile, CONFIG):
        read_yaml(file)  # Snakemake's own reader takes the last of two equal keys
    RESOURCES = JobResources.of(workflow.resource_settings.default_resources)
    EXPERIMENT = check(config, str(CONFIG[-1]) if CONFIG else "config")
except RankkError as error:
    sys.exit(f"Configuration: {error}")

NAME = EXPERIMENT.experiment
STAGES = Stages(EXPERIMENT)

import_from(PACKAGE)
own_engines(cluster_job=workflow.remote_exec)
fetch_from(EXPERIMENT.mirror)
share_plugins(EXPERIMENT.plugins)
share_backends(EXPERIMENT.backends)


# Only Slurm's executor has a status command.
onstart:
    if status_command := getattr(
        workflow.executor_settings, "status_command", None
    ):
        first_look = workflow.executor_settings.init_seconds_before_status_checks
        logger.info(f"Ends of jobs: {slurm.job_states(status_command, first_look)}")
        slurm.fail_refused_jobs(workflow.executor_plugin.executor)


onsuccess:
    show.finished(EXPERIMENT)


wildcard_constraints:
    corpus="[^/]+",
    collection="[^/]+",
    language="[a-z]{3}",
    retriever="[^/]+",
    reranker="[^/]+",


include: "rules/fetch.smk"
include: "rules/corpora.smk"
include: "rules/index.smk"
include: "rules/retrieve.smk"
include: "rules/rerank.smk"
include: "rules/evaluate.smk"
include: "rules/report.smk"


if EXPERIMENT.training:

    include: "rules/train.smk"


# Fetches what the experiment needs from a network, so that no other job needs one.
rule downloads:
    input:
        [paths.download(name) for name in STAGES.downloads],
    localrule: True


rule all:
    default_target: True
    input:
        [cell.run for cell in EXPERIMENT.cells],  # so that a deleted one is made again
        rules.report.output,
        [paths.training(model, "README.md") for model in EXPERIMENT.training],
        [cell.page for cell in EXPERIMENT.cells if cell.reranked],
    localrule: True
