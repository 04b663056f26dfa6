"""Estimates what a training will cost: windows, tokens, memory and GPU-hours, under the stated assumptions."""

from rankk.config.training import Training
from rankk.experiment import Experiment
from rankk.plan.costs import PROMPT_TOKENS, queries_of, shape_of
from rankk.plan.gpus import GIB, GPUS, QWEN_32B, between
from rankk.reranking.settings import resolve

UTILIZATION = 0.4
LABEL_TOKENS = 5  # of an identifier and the ">" behind it
ADAPTER_BYTES = 16  # per trained weight: the weight in 32 bits, its gradient and AdamW's two moments
TEACHERS_IN_FLIGHT = 256

ASSUMPTIONS = f"""\
Assumed of training: every query gives all its windows, of mean size, with passages as long as they may be; 4
operations a weight and token with an adapter, 6 without, 2 more with gradient checkpointing; {UTILIZATION:.0%} of
the GPU's peak in bfloat16. Memory is that of weights, gradients and optimizer; activations come on top."""


def lines(experiment: Experiment) -> list[str]:
    """One line for every model that the experiment trains, then the assumptions; empty if it trains none."""
    lines = [line for name, training in experiment.training.items() for line in _lines(experiment, name, training)]
    return ["", *lines, "", ASSUMPTIONS] if lines else []


def _lines(experiment: Experiment, name: str, training: Training) -> list[str]:
    windows, fit = training.windows, training.fit
    gpu = GPUS[experiment.gpu]
    queries = sum(queries_of(experiment, cell.collection, cell.language) for cell in windows.of)
    queries = min(queries, windows.queries * len(windows.of)) if windows.queries else queries
    number = queries * len(windows.ranks) * windows.copies
    passages = (windows.sizes[0] + 2 * windows.sizes[1]) / 3  # mean of the larger of two draws
    settings = resolve(experiment.rerankers[training.reranker])
    prompt = PROMPT_TOKENS + passages * settings.passage_tokens
    answer, teacher = passages * LABEL_TOKENS, ""
    if training.teacher != "labels":
        model = shape_of(experiment, resolve(experiment.rerankers[training.teacher]).model)
        answer = model.answer_tokens if model else QWEN_32B.answer_tokens
        teacher = f"; teacher {training.teacher}: {number * answer / 1e6:,.0f} M tokens to write"
        if model:
            share = model.parameters / QWEN_32B.parameters
            hours = number * answer * share * between(gpu.step_ms, TEACHERS_IN_FLIGHT) / TEACHERS_IN_FLIGHT / 3.6e6
            teacher += f", {hours:,.1f} GPU-hours"
    tokens = number * (prompt + answer) * fit.epochs
    head = f"training {name}: {number:,} windows, {tokens / 1e6:,.0f} M tokens{teacher}"
    base = shape_of(experiment, training.base)
    if base is None:
        return [head]
    operations = (4 if fit.lora_rank else 6) + (2 if fit.gradient_checkpointing else 0)
    hours = operations * base.parameters * 1e9 * tokens / (gpu.tflops * 1e12 * UTILIZATION) / 3600
    moved = base.adapter_parameters(fit.lora_rank) if fit.lora_rank else base.parameters
    memory = (base.weights_gib(fp8=False) if fit.lora_rank else 0) + moved * 1e9 * ADAPTER_BYTES / GIB
    fits = "" if memory < gpu.gib else f"; warning: more than {gpu.gib:.0f} GiB ({experiment.gpu})"
    return [f"{head}; {hours:,.1f} GPU-hours, {memory:,.0f} GiB and activations{fits}"]
