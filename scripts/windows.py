"""Draw training windows from first stages."""

from rankk.config.training import Windows
from rankk.logs import job
from rankk.training.windows import Files, write_windows

with job(snakemake.log[0]):
    parts = [[Files(**files) for files in snakemake.params[part]] for part in ("learnt", "development", "held_out")]
    write_windows(Windows(**snakemake.params.settings), *parts, *snakemake.output)
