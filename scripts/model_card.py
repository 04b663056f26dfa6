"""Write a trained model's card and draw its loss."""

from rankk.logs import job
from rankk.training.card import draw_loss, write_card

with job(snakemake.log[0]):
    draw_loss(snakemake.input.trained, snakemake.output.figure)
    write_card(
        snakemake.output.card,
        snakemake.params.name,
        snakemake.params.training,
        snakemake.params.licences,
        **dict(snakemake.input.items()),
    )
