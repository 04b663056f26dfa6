"""Answers of servers with OpenAI's protocol, checked in type and range before they are used."""

import json
import re
from collections.abc import Mapping
from typing import Any

from rankk.errors import RankkError
from rankk.llm.http import Reply, may_pass, on_one_line
from rankk.llm.types import Completion

MOST_TOKENS = 10**9
"""Larger token counts are treated as errors."""
LEAST = -1e300  # digits of log probabilities; larger integers cannot be converted to float
LONGEST = 1e10
"""Larger times, in milliseconds, are treated as errors."""
ROUNDING = 0.01
"""Larger values are not log probabilities."""
FINISHED = {
    "stop": ("", "stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete", "completed", "finish"),
    "length": ("length", "max_tokens", "model_length", "max_output_tokens", "token_limit", "repetition"),
    "content_filter": ("content_filter", "safety", "refusal", "sensitive", "recitation", "prohibited_content"),
    "tool_calls": ("tool_calls", "function_call", "tool_use"),
}
"""Finish reasons and their other spellings; any other word means that the answer failed."""
FILTERED = (
    *("content_filter", "content_policy_violation", "responsibleaipolicyviolation", "data_inspection_failed"),
    *("invalid_prompt", "1301", "safety", "prohibited_content", "blocklist", "flagged"),
)
"""Error codes of servers that refuse to answer a prompt."""
CODES = ("code", "type", "status", "status_code", "param", "blockReason")
"""Keys under which servers report such codes."""
NO_MORE = (
    "401",
    "402",
    "404",
    "model_not_found",
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "account_deactivated",
)
"""Error codes that apply to all further calls."""
TRANSIENT = ("rate_limit", "server_error", "overloaded", "internal", "unavailable", "timeout", "timed_out")
"""Parts of codes of temporary errors, for which a call is retried."""


class Failed(RankkError):
    """A failed attempt that may be retried."""


def parse(reply: Reply) -> Any:
    """The JSON of a reply. Failed where it is none; RankkError where it is a web page or an event stream."""
    kind, start = reply.headers.get("content-type", ""), reply.content[:100].lstrip().lower()
    if "text/event-stream" in kind or start.startswith((b"data:", b"event:")):
        raise RankkError(f"sends an event stream although none was asked for: {reply.shown}")
    if "text/html" in kind or start.startswith((b"<!doctype", b"<html")):
        raise RankkError(f"sends a web page (does the address end in /v1?): {reply.shown}")
    try:
        return json.loads(reply.content)
    except (ValueError, RecursionError) as error:
        raise Failed(f"sends no JSON ({type(error).__name__}): {reply.shown}") from None


def error_text(body: Any, content: str) -> str:
    """A server's own words about an error, on one line."""
    said = body
    if isinstance(body, dict):
        said = body.get("error") or body.get("detail") or body.get("message") or body
    if isinstance(said, dict):
        said = said.get("message") or said
    return on_one_line(str(content if said is None else said), 300)


def error_codes(body: Any) -> set[str]:
    """All codes, types and statuses that an error body holds, in lower case."""
    if isinstance(body, list):
        return set().union(*map(error_codes, body)) if body else set()
    if not isinstance(body, dict):
        return set()
    codes = {str(body[name]).lower() for name in CODES if body.get(name)}
    codes |= {"flagged"} if "flagged_input" in body else set()
    return codes.union(*(error_codes(value) for value in body.values() if isinstance(value, dict | list)))


def is_filtered(body: Any) -> bool:
    """Whether an error body says that a content filter stopped the prompt or its answer."""
    return any(code in FILTERED for code in error_codes(body))


def ends_all(status: int, body: Any) -> bool:
    """Whether an error concerns all calls: the key is not valid, the account has no credit, the model is not there."""
    return not {str(status), *error_codes(body)}.isdisjoint(NO_MORE)


def check_error(body: Any) -> None:
    """Failed or RankkError where a 200 holds an error: the first if its code is 429, 5xx, or none at all."""
    error = body.get("error") if isinstance(body, dict) else None
    if not error:
        return
    words = f"answers 200 with an error: {error_text(body, '')}"
    codes = error_codes(body)
    numbers = [int(code) for code in codes if re.fullmatch(r"[1-5]\d\d", code)]
    if any(map(may_pass, numbers)):
        raise Failed(words)
    if numbers or (codes and not any(word in code for code in codes for word in TRANSIENT)):
        raise RankkError(words)
    raise Failed(words)


def completion(body: Any, seconds: float) -> Completion:
    """The completion in an answer.

    Failed where the server says that the model did not finish or gives no choice; RankkError where the answer is not
    of OpenAI's form.
    """
    check_error(body)
    choices = _of(body, dict, "the answer").get("choices")
    if not choices:
        raise Failed(f"answers without choices: {error_text(body, '')}")
    listed = [_of(choice, dict, "a choice") for choice in _of(choices, list, "choices")]
    choice = next((choice for choice in listed if choice.get("index") == 0), listed[0])
    if choice.get("error"):
        raise Failed(f"the answer failed: {error_text(choice, '')}")
    reason = finish_reason(choice.get("finish_reason"))
    if choice.get("message") is None:
        if choice.get("text") is None:
            raise Failed("answers without a message")
        text, reasoning, thoughts = _text(choice.get("text"), "text"), None, ""
    else:
        message = _of(choice["message"], dict, "message")
        text, thoughts = _content(message.get("content") or message.get("refusal"))
        reasoning = _text(message.get("reasoning") or message.get("reasoning_content"), "reasoning")
    text, count = _without_surrogates(text)
    reasoning, more = _without_surrogates(reasoning or thoughts)
    usage = body.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    waited, computed = _times(body.get("metrics"))
    return Completion(
        text=text,
        finish_reason=reason,
        reasoning=reasoning or None,
        prompt_tokens=tokens(usage.get("prompt_tokens")),
        output_tokens=tokens(usage.get("completion_tokens")),
        first_logprobs=_first_logprobs(choice.get("logprobs")),
        seconds=seconds,
        waited=waited,
        computed=computed,
        token_ids=_token_ids(choice.get("token_ids")),
        replaced=count + more or None,
    )


def _times(metrics: Any) -> tuple[float | None, float | None]:
    """Seconds that the call waited in the engine, and those of its computation.

    A vLLM server that was started with --enable-per-request-metrics tells them in milliseconds, others do not (None).
    """
    names = ("queue_time_ms", "time_to_first_token_ms", "generation_time_ms")
    told = [metrics.get(name) for name in names] if isinstance(metrics, dict) else []
    times = [time / 1000 for time in told if isinstance(time, int | float) and 0 <= time <= LONGEST]
    return (times[0], times[1] + times[2]) if len(times) == len(names) else (None, None)


def _of(value: Any, kind: type, name: str) -> Any:
    if not isinstance(value, kind):
        shown = " ".join(repr(value)[:80].split())
        raise RankkError(f"not the answer of an OpenAI-compatible server: {name} is {shown}")
    return value


def finish_reason(said: Any) -> str:
    """stop, length, content_filter or tool_calls. Failed for any other word: the model did not finish."""
    said = _of(said or "", str, "finish_reason")
    for reason, spellings in FINISHED.items():
        if said.lower() in spellings:
            return reason
    raise Failed(f"the answer failed: finish_reason {said[:80]!r}")


def _text(value: Any, name: str) -> str:
    """A text, a mapping that holds one, or a list of such parts, joined."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list):
        return "".join(_text(part, name) for part in value)
    part = _of(value, dict, name)
    content = next((part[key] for key in ("text", "thinking", "content", "refusal") if part.get(key)), None)
    return _text(content, name)


def _content(value: Any) -> tuple[str, str]:
    """Text and reasoning of a message's content, which may be a list of typed parts."""
    if not isinstance(value, list):
        return _text(_of(value or "", str, "content"), "content"), ""
    thoughts = [part for part in value if isinstance(part, dict) and part.get("type") in ("thinking", "reasoning")]
    return _text([part for part in value if part not in thoughts], "content"), _text(thoughts, "content")


def _without_surrogates(text: str) -> tuple[str, int]:
    """A text in which U+FFFD stands for every half character, and how many there were."""
    return re.subn("[\ud800-\udfff]", "\ufffd", text)


def tokens(value: Any) -> int | None:
    """A count of tokens; None for what cannot be one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is int and 0 <= value <= MOST_TOKENS:
        return value
    return None


def _token_ids(value: Any) -> tuple[int, ...]:
    if value is None:
        return ()
    if not all(type(number) is int for number in _of(value, list, "token_ids")):
        raise RankkError("not the answer of an OpenAI-compatible server: token_ids are no whole numbers")
    return tuple(value)


def _first_logprobs(value: Any) -> dict[str, float] | None:
    """Log probabilities of the first token's alternatives, from chat's or plain completions' form; None: not told."""
    if not isinstance(value, dict):
        return None
    first: Any = value.get("content") or value.get("top_logprobs") or [None]
    first = first[0] if isinstance(first, list) else None
    if isinstance(first, dict) and "top_logprobs" in first:
        entries = [entry for entry in first["top_logprobs"] or () if isinstance(entry, dict)]
        first = {entry.get("token"): entry.get("logprob") for entry in entries}
    if not isinstance(first, dict) or "token" in first:
        return None
    told = {
        token: min(0.0, float(value))
        for token, value in first.items()
        if isinstance(token, str) and isinstance(value, int | float) and LEAST < value < ROUNDING  # false for NaN too
    }
    return told or None


def models(body: Any) -> dict[str, Mapping[str, Any]]:
    """Entries of a server's list of models by their names; empty where it does not tell them."""
    listed = body.get("data") if isinstance(body, dict) else body
    listed = listed if isinstance(listed, list) else []
    named = [{"id": entry} if isinstance(entry, str) else entry for entry in listed]
    return {entry["id"]: entry for entry in named if isinstance(entry, dict) and isinstance(entry.get("id"), str)}


def context(entry: Mapping[str, Any]) -> int | None:
    """A model's context in tokens; None where its entry does not tell a plausible one."""
    return tokens(entry.get("max_model_len")) or None
