"""Output of `rankk presets`: the families of models, one preset in full, and the presets that fit a model."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from rankk.errors import RankkError
from rankk.io.files import read_json
from rankk.llm.tokenizers import ModelTokenizer, model_context
from rankk.llm.types import Prompt
from rankk.plan.gpus import SENSIBLE_CALLS, SHAPES, sensible_gpu
from rankk.reranking.parsers.first_token import FirstToken
from rankk.reranking.presets import Preset, load_preset, presets
from rankk.reranking.prompts import render

WINDOW = 20
"""Passages in a call for which memory and context are stated; one for pointwise presets."""
INSTRUCTIONS = 500  # tokens of a prompt beside its passages
LONGEST_PASSAGE = 512  # tokens; presets that do not cut passages cut at their authors' context
WIDTH = 112
CONTROL_TOKEN = re.compile(r"<\|[^|<>\s]+\|>")
SAMPLE = ("which passage answers this query", ["The first passage says so.", "The second passage does not."])


def show(name: str | None, model: str | None) -> None:
    """Print all presets as a table, one in full, or what of them fits the model in a folder."""
    if model is not None:
        for line in checked([load_preset(name)] if name else presets(), Path(model)):
            print(line)
    elif name is None:
        for line in table(presets()):
            print(line)
    else:
        for line in described(load_preset(name)):
            print(line)


def call_tokens(preset: Preset) -> int:
    """Tokens of a full call: instructions, passages, reasoning and answer."""
    passages = 1 if preset.kind == "pointwise" else min(WINDOW, preset.parser.most or WINDOW)
    return INSTRUCTIONS + passages * min(preset.defaults.passage_tokens, LONGEST_PASSAGE) + preset.defaults.max_tokens


def thinks(preset: Preset) -> str:
    """Whether the models reason in words."""
    if preset.thinking is None:
        return "no"
    return "effort" if "reasoning_effort" in preset.chat_template_kwargs else "yes"


def rows(preset: Preset) -> Iterator[tuple[str, ...]]:
    """A row of `COLUMNS` for each of the family's models; one for presets of any model."""
    kind = preset.kind if preset.parser.orders else "setwise"
    for model in preset.models or ([preset.model] if preset.model else [""]):
        shape = SHAPES.get(model)
        size = f"{shape.parameters:.3g}B" if shape else ""
        gpu = sensible_gpu(shape, call_tokens(preset)) if shape else ""
        licence = preset.models.get(model, "")
        source = f"{preset.source.partition(',')[0]} ({preset.licence})"
        yield preset.name, preset.family, kind, thinks(preset), model or "(yours)", size, gpu, licence, source


COLUMNS = ("preset", "family", "kind", "thinking", "model", "size", "GPU", "licence", "prompt from")
NOTE = (
    f"GPU: the smallest with room for the weights and {SENSIBLE_CALLS} calls of {WINDOW} passages (pointwise: 1), as "
    "`rankk plan` models memory. thinking: effort is set by reasoning_effort."
)


def table(chosen: Sequence[Preset]) -> Iterator[str]:
    """All rows in aligned columns; what a preset's rows share stands in the first of them."""
    lines: list[tuple[str, ...]] = [COLUMNS]
    for preset in chosen:
        for number, row in enumerate(rows(preset)):
            lines.append(row if not number else ("", "", "", "", *row[4:-1], ""))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield "  ".join(field.ljust(width) for field, width in zip(line, widths, strict=True)).rstrip()
    yield ""
    yield NOTE


def described(preset: Preset) -> Iterator[str]:
    """One preset in full: prompt, decoding, what was verified and what deviates."""
    yield f"{preset.name}: {preset.description}"
    yield f"    {preset.source} ({preset.licence})"
    for _, _, kind, thinking, model, size, gpu, licence, _ in rows(preset):
        facts = (model, size, f"GPU {gpu}" if gpu else "", licence, kind, f"thinking {thinking}")
        yield f"    {', '.join(filter(None, facts))}"
    yield f"    parser {preset.parser.name}" + (f", backend {preset.backend}" if preset.backend else "")
    yield f"    {', '.join(f'{key} {value}' for key, value in preset.defaults)}"
    if preset.lora:
        yield f"    LoRA adapter: {preset.lora}"
    if preset.tasks:
        yield f"    tasks: {', '.join(preset.tasks)}"
    for title, text in (("verified", preset.verified), ("deviations", preset.deviations)):
        if text:
            yield from textwrap.wrap(f"{title}: {text}", WIDTH, initial_indent="    ", subsequent_indent="      ")
    for message in preset.messages:
        yield f"\n── {message.role}{' (for every passage)' if message.each else ''}\n{message.content}"
    if preset.text is not None:
        yield f"\n── text\n{preset.text}"
    if preset.prefix:
        yield f"\n── the answer begins with\n{preset.prefix}"


def checked(chosen: Sequence[Preset], folder: Path) -> Iterator[str]:
    """What of presets a model in a folder takes. RankkError where the folder holds no tokenizer."""
    if not folder.is_dir():
        raise RankkError(f"{folder}: no such folder; expected one with a model's tokenizer (and config.json)")
    if no_text := _writes_no_text(folder):
        for preset in chosen:
            pairs = preset.backend == "cross-encoder" and no_text.endswith("ForSequenceClassification")
            yield f"{preset.name}: {'fits' if pairs else f'does not fit: the model writes no text ({no_text})'}"
        return
    tokenizer = ModelTokenizer(folder)
    try:
        context: int | None = model_context(folder)
    except RankkError:
        context = None
    for preset in chosen:
        if preset.backend:
            continue
        try:
            found = list(losses(preset, tokenizer.with_arguments(preset.chat_template_kwargs), context))
        except RankkError as error:
            yield f"{preset.name}: does not fit: {str(error).partition(': ')[2]}"
            continue
        yield f"{preset.name}: fits" + (", but" if found else "")
        for loss in found:
            yield from textwrap.wrap(f"- {loss}", WIDTH, initial_indent="    ", subsequent_indent="      ")


def _writes_no_text(folder: Path) -> str:
    """The class of a model that is no language model, as its configuration names it; empty for others."""
    try:
        classes = read_json(folder / "config.json")["architectures"] or [""]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return "" if classes[0].endswith(("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")) else str(classes[0])


def losses(preset: Preset, tokenizer: ModelTokenizer, context: int | None) -> Iterator[str]:
    """What is lost when a preset is used with a model. RankkError where its chat template does not take the prompt."""
    query, passages = SAMPLE
    prompt = render(preset, query, passages[: 1 if preset.kind == "pointwise" else 2])
    text = tokenizer.render(prompt)
    yield from _messages(prompt, text)
    yield from _thought(preset, tokenizer, text)
    yield from _tokens(preset, tokenizer, text)
    if start := tokenizer.start:
        count = tokenizer.ids(text).count(tokenizer.ids(start)[0])
        if count != 1:
            yield f"the prompt holds the token {start} that begins a sequence {count} times"
    if preset.defaults.max_tokens > 1:
        try:
            _ = tokenizer.end
        except RankkError as error:
            yield str(error).partition(": ")[2]
    if context is not None and context < (needed := call_tokens(preset)):
        yield f"its context of {context} tokens is shorter than a full call ({needed}): passages are cut shorter"


def _messages(prompt: Prompt, text: str) -> Iterator[str]:
    """Messages that the chat template drops, and one that it adds."""
    lost = {message.role for message in prompt.messages if message.content.strip() not in text}
    for role in sorted(lost):
        yield f"the chat template drops messages of the role {role}, or changes them"
    if prompt.messages and prompt.messages[0].role != "system" and not lost:
        before = text.partition(prompt.messages[0].content.strip())[0]
        added = CONTROL_TOKEN.sub(" ", before)
        if len(re.findall(r"[^\W\d_]{3,}", added)) > len(("system", "user", "assistant")):
            yield f"the chat template adds a system message of its own: {' '.join(added.split())[:60]} …"


def _thought(preset: Preset, tokenizer: ModelTokenizer, text: str) -> Iterator[str]:
    """How the chat template ends, against what the preset expects of it."""
    thinking = preset.thinking
    opened = re.search(r"<(?:think|thinking|reason|seed:think)>\s*\Z", text)
    if thinking is None:
        if opened:
            yield f"the chat template opens a thought ({opened[0].strip()}), the preset expects an answer at once"
        return
    if thinking.opened_by_template and not text.rstrip().endswith(thinking.open):
        yield f"the preset expects the chat template to end with {thinking.open}, which it does not"
    if not thinking.opened_by_template and opened and opened[0].strip() == thinking.open:
        yield "the chat template opens the thought itself: set thinking.opened_by_template in a preset of your own"
    if tokenizer.one_token(thinking.open) is None or tokenizer.one_token(thinking.close) is None:
        tags = f"{thinking.open} and {thinking.close}"
        yield f"{tags} are not single tokens: a thinking budget takes two calls instead of one"


def _tokens(preset: Preset, tokenizer: ModelTokenizer, text: str) -> Iterator[str]:
    """Tokens that are read or written as such and are none of this model."""
    unknown = [
        tag for tag in dict.fromkeys(CONTROL_TOKEN.findall(preset.text or "")) if tokenizer.one_token(tag) is None
    ]
    if unknown:
        yield f"the prompt's control tokens are none of this model: {', '.join(unknown)}"
    read: list[str] = []
    if preset.kind == "pointwise":
        text += preset.thinking.close if preset.thinking else ""
        read = [preset.positive, preset.negative]
    elif isinstance(preset.parser, FirstToken):
        read = preset.parser.tokens[:WINDOW]
    if missing := [token for token in read if not _is_token(token, tokenizer)]:
        yield f"no tokens of this model, so that their probabilities cannot be read: {missing}"
    before = tokenizer.ids(text)
    if joined := [
        token for token in read if token not in missing and tokenizer.ids(text + token)[: len(before)] != before
    ]:
        yield (
            f"written as one token with the end of the prompt ({text[-1]!r}), so that a model that was trained on "
            f"written answers may not expect them apart: {joined}"
        )


def _is_token(text: str, tokenizer: ModelTokenizer) -> bool:
    """Whether the model has a token of exactly that text, with the blank before it."""
    return any(tokenizer.text_of(tokenizer.ids(before + text)[-1]) == text for before in ("", "a", "[", "\n"))
