"""Supervised fine-tuning on windows and answers, with TRL and PEFT; the loss is on the answer alone."""

import json
import logging
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rankk.config.reranker import Reranker
from rankk.config.training import Fit
from rankk.errors import RankkError
from rankk.files import atomic_write, read_jsonl, write_json
from rankk.progress import bar
from rankk.provenance import environment
from rankk.reranking.budget import fit as fit_prompt
from rankk.reranking.settings import Settings, resolve
from rankk.reranking.tokenizers import ModelTokenizer

log = logging.getLogger("rankk")

Example = dict[str, list[int]]


def fine_tune(
    examples: str | Path,
    passages: str | Path,
    base: str,
    reranker: Reranker,
    fit: Fit,
    folder: str | Path,
    *,
    revision: str | None = None,
) -> None:
    """Train `base` on the examples for a reranker; adapter or weights, training.csv and training.json go to `folder`.

    Prompts are rendered by the very function that renders them when the model is asked. Checkpoints stand beside the
    folder: SIGTERM (Slurm's, before its time limit) writes one and ends the job with an error, the next try goes on.
    """
    target = Path(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as scratch:
        data = _tokenized(examples, passages, base, revision, resolve(reranker), fit.max_length, Path(scratch), counts)
        log.info("%s", dict(counts))
        trainer = _trainer(data, base, revision, fit, target.with_name(f"{target.name}.checkpoints"))
        began = time.monotonic()
        history = _run(trainer, target)
    trainer.save_model(str(target))
    _write_history(history, target / "training.csv")
    facts = {"base": base, "revision": revision, "fit": fit.model_dump(mode="json"), "examples": dict(counts)}
    write_json(target / "training.json", facts | {"seconds": round(time.monotonic() - began, 1), **environment()})


def _tokenized(
    examples: str | Path,
    passages: str | Path,
    base: str,
    revision: str | None,
    settings: Settings,
    max_length: int,
    scratch: Path,
    counts: Counter[str],
) -> dict[str, Any]:
    """The examples as data sets on disk, by split; memory holds the passages' texts only."""
    from datasets import Dataset, Features, List, Value
    from datasets.arrow_writer import ArrowWriter

    tokenizer = ModelTokenizer(base, revision, settings.preset.chat_template_kwargs)
    texts = {record["id"]: record["contents"] for _, record in read_jsonl(passages)}

    def of(split: str) -> Iterator[dict[str, Any]]:
        for _, record in read_jsonl(examples):
            if record["split"] != split:
                continue
            example = tokens(record, texts, settings, tokenizer)
            length = len(example["input_ids"])
            if length > max_length:
                counts["left out: too long"] += 1
                continue
            counts[split] += 1
            counts[f"tokens: {split}"] += length
            yield example | {"length": length}

    features = Features({"input_ids": List(Value("int32")), "labels": List(Value("int32")), "length": Value("int32")})
    with bar(what="tokens", unit="examples") as progress:
        data = {}
        for split in ("train", "development"):
            with ArrowWriter(features=features, path=str(scratch / f"{split}.arrow")) as writer:
                for example in of(split):
                    writer.write(example)
                    progress.update()
                if writer.finalize()[0]:
                    data[split] = Dataset.from_file(str(scratch / f"{split}.arrow"))
    if not counts["train"]:
        raise RankkError(f"{examples}: no example of at most {max_length} tokens: {dict(counts)}")
    return data


def tokens(record: dict[str, Any], texts: Mapping[str, str], settings: Settings, tokenizer: ModelTokenizer) -> Example:
    """An example as token ids: the prompt as at inference, then answer and end; labels of the prompt are -100."""
    prompt = fit_prompt(
        settings.preset,
        record["query"],
        [texts[passage["id"]] for passage in record["passages"]],
        tokenizer,
        context=None,
        answer_tokens=settings.completion_tokens,
        passage_tokens=settings.passage_tokens,
    )
    asked = tokenizer.ids(tokenizer.render(prompt))
    answer = [*tokenizer.ids(record["answer"]), tokenizer.end]
    return {"input_ids": asked + answer, "labels": [-100] * len(asked) + answer}


def _trainer(data: dict[str, Any], base: str, revision: str | None, fit: Fit, checkpoints: Path) -> Any:
    import torch
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    on_gpu = torch.cuda.is_available()
    steps = max(1, round(len(data["train"]) * fit.epochs / fit.batch))
    evaluated = bool(fit.evaluations and "development" in data)
    micro = min(fit.micro_batch, fit.batch)
    config = SFTConfig(
        output_dir=str(checkpoints),
        max_steps=steps,
        per_device_train_batch_size=micro,
        per_device_eval_batch_size=micro,
        gradient_accumulation_steps=max(1, fit.batch // micro),
        learning_rate=fit.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=round(fit.warmup * steps),
        weight_decay=fit.weight_decay,
        bf16=on_gpu,
        use_cpu=not on_gpu,
        gradient_checkpointing=fit.gradient_checkpointing,
        max_length=fit.max_length,
        train_sampling_strategy="group_by_length",
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        logging_steps=max(1, steps // 100),
        eval_strategy="steps" if evaluated else "no",
        eval_steps=max(1, steps // fit.evaluations) if evaluated else None,
        save_strategy="no",  # by the clock: rankk.training.sft.Clock
        report_to=[],
        seed=fit.seed,
        disable_tqdm=False,
    )
    adapter = None
    if fit.lora_rank is not None:
        adapter = LoraConfig(
            r=fit.lora_rank, lora_alpha=fit.lora_alpha, target_modules="all-linear", task_type="CAUSAL_LM"
        )
    # Weights that move need 32 bits; frozen ones do not (adapters are kept in 32 bits by PEFT).
    dtype = torch.bfloat16 if on_gpu and adapter else torch.float32
    model = AutoModelForCausalLM.from_pretrained(base, revision=revision, dtype=dtype, trust_remote_code=False)
    trainer = SFTTrainer(
        model=model,
        args=config,
        train_dataset=data["train"],
        eval_dataset=data["development"] if evaluated else None,
        processing_class=AutoTokenizer.from_pretrained(base, revision=revision, trust_remote_code=False),
        peft_config=adapter,
    )
    trainer.add_callback(_clock(fit.checkpoint_minutes * 60))
    return trainer


def _clock(seconds: float) -> Any:
    """A trainer's callback that saves every so many seconds, and saves and stops once SIGTERM or SIGINT has come."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):  # type: ignore[misc]
        def __init__(self) -> None:
            self.saved, self.stopped = time.monotonic(), False
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._stop)

        def _stop(self, *_: object) -> None:
            self.stopped = True

        def on_step_end(self, _args: Any, _state: Any, control: Any, **_: object) -> None:
            if self.stopped or time.monotonic() - self.saved > seconds:
                control.should_save, self.saved = True, time.monotonic()
            control.should_training_stop |= self.stopped

    return Clock()


def _run(trainer: Any, target: Path) -> list[dict[str, float]]:
    checkpoints = Path(trainer.args.output_dir)
    there = any(checkpoints.glob("checkpoint-*"))
    trainer.train(resume_from_checkpoint=there or None)
    if trainer.state.global_step < trainer.args.max_steps:
        raise RankkError(
            f"{target}: interrupted at step {trainer.state.global_step} of {trainer.args.max_steps}; a checkpoint is "
            f"in {checkpoints}: run again to go on"
        )
    return list(trainer.state.log_history)


def _write_history(history: list[dict[str, float]], path: Path) -> None:
    """Step, epoch, loss, development loss and learning rate, one line each look."""
    columns = {"step": "step", "epoch": "epoch", "loss": "loss", "eval_loss": "development_loss"}
    columns |= {"learning_rate": "learning_rate", "grad_norm": "gradient_norm"}
    with atomic_write(path) as file:
        file.write(",".join(columns.values()) + "\n")
        for entry in history:
            if "loss" in entry or "eval_loss" in entry:
                file.write(",".join(str(entry.get(name, "")) for name in columns) + "\n")


def read_facts(folder: str | Path) -> dict[str, Any]:
    """What a finished training says of itself."""
    facts: dict[str, Any] = json.loads((Path(folder) / "training.json").read_text(encoding="utf-8"))
    return facts
