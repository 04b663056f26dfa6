"""Fine-tune a model on examples."""

from rankk.config.training import Fit
from rankk.logs import job
from rankk.training.sft import fine_tune

with job(snakemake.log[0]):
    fine_tune(
        snakemake.input.tokens,
        str(snakemake.input.base) or snakemake.params.base,
        Fit(**snakemake.params.fit),
        snakemake.output[0],
        revision=snakemake.params.revision,
    )
