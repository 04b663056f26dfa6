"""Experiments on reranking with reasoning language models.

snakemake                               the demo (config/config.yaml)
snakemake --configfile config/X.yaml    any other experiment
"""

import sys

from snakemake.utils import min_version

# Earlier versions read the minutes of a profile's `runtime` as seconds (Snakemake's issue 4039).
min_version("9.19")

# The package beside this file, here and in the scripts of jobs. A workflow that Snakemake reads from a server has no
# such folder: there the package is installed, in the same version (`pip install`, see README.md).
HERE = workflow.current_basedir.get_path_or_uri(secret_free=True)
PACKAGE = f"{HERE}/workflow"
sys.path.insert(0, PACKAGE)

from rankk import paths, show, slurm, watch
from rankk.config.loading import check_merged
from rankk.jobs import JobResources, prepare_jobs
from rankk.stages import Stages, pattern

# A file given on the command line stands alone instead of being merged into the demo's. A Snakefile that uses this one
# as a module gives the configuration itself.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


EXPERIMENT = check_merged(config, workflow.configfiles, workflow.overwrite_configfiles)
NAME = EXPERIMENT.experiment
STAGES = Stages(EXPERIMENT)
RESOURCES = JobResources.of_profile(workflow.resource_settings.default_resources)
prepare_jobs(EXPERIMENT, PACKAGE, cluster_job=workflow.remote_exec)


onstart:
    slurm.prepare(workflow.executor_settings, workflow.executor_plugin.executor)
    watch.watch(EXPERIMENT)


onsuccess:
    show.finished(EXPERIMENT)


wildcard_constraints:
    **dict.fromkeys(["corpus", "collection", "retriever", "reranker"], "[^/]+"),
    language="[a-z]{3}",


include: "rules/fetch.smk"
include: "rules/corpora.smk"
include: "rules/index.smk"
include: "rules/retrieve.smk"
include: "rules/rerank.smk"
include: "rules/evaluate.smk"
include: "rules/report.smk"
include: "rules/train.smk"


rule downloads:
    input:
        [paths.download(name) for name in STAGES.downloads],
    localrule: True
    message:
        f"All downloads of {NAME} are there"


rule all:
    default_target: True
    input:
        [cell.run for cell in EXPERIMENT.cells],  # so that a deleted one is made again
        rules.report.output,
        [paths.training(model, "README.md") for model in EXPERIMENT.training],
        [cell.page for cell in EXPERIMENT.cells if cell.reranked],
    localrule: True
    message:
        f"All results of {NAME} are there"
