# Effectiveness of every cell over the whole topic list, significance, and what the cells cost.

from rankk.evaluation.experiment import COLUMNS
from rankk.fingerprint import fingerprint


rule evaluate:
    input:
        runs=[cell.run for cell in EXPERIMENT.cells],
        manifests=[cell.manifest for cell in EXPERIMENT.cells if cell.reranked],
        calls=[cell.calls for cell in EXPERIMENT.cells if cell.reranked],
        checked=[cell.checked for cell in EXPERIMENT.cells if cell.reranked],
        qrels=[paths.qrels(cell.collection) for cell in EXPERIMENT.cells],
        queries=[
            paths.queries(cell.collection, cell.language) for cell in EXPERIMENT.cells
        ],
    output:
        **{table: paths.experiment(NAME, f"{table}.csv") for table in COLUMNS},
    log:
        paths.log("experiments", NAME, "evaluate"),
    benchmark:
        paths.benchmark("experiments", NAME, "evaluate")
    conda:
        "../envs/workflow.yaml"
    resources:
        mem_mb=RESOURCES.memory(4000),
        runtime=RESOURCES.minutes(60),
    params:
        cells=EXPERIMENT.cells_as_lists,
        measures={
            name: EXPERIMENT.collections[name].measures
            for name in EXPERIMENT.evaluated
        },
        baselines=EXPERIMENT.baselines_as_lists,
        jobs=STAGES.benchmarks,
        code=fingerprint("rankk.evaluation"),
    message:
        f"Evaluate {NAME}"
    script:
        "../scripts/evaluate.py"
