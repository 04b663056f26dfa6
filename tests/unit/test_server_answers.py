"""What servers send, read by type and range: right values, failures to try again, and errors."""

import json
import math

import pytest

from rankk.errors import RankkError
from rankk.llm.answers import Failed, completion, error_text, is_filtered, models, parse
from rankk.llm.http import Reply as HttpReply

from ..fake_server import chat


def read(body):
    """The completion in a JSON text or in what makes one."""
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return completion(parse(HttpReply(200, {}, content)), 1.0)


@pytest.mark.parametrize(
    ("content", "text", "reasoning"),
    [
        ("[1]", "[1]", None),
        (None, "", None),
        ([{"type": "text", "text": "[2] > "}, {"type": "output_text", "text": "[1]"}], "[2] > [1]", None),
        (["[2]", " > [1]"], "[2] > [1]", None),
        (
            [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "[1]"}],
            "[1]",
            "hm",
        ),
        ([{"type": "refusal", "refusal": "I cannot"}], "I cannot", None),
    ],
)
def test_a_content_in_parts_is_joined_and_its_thoughts_are_reasoning(content, text, reasoning):
    answer = read(chat(content))
    assert (answer.text, answer.reasoning) == (text, reasoning)


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
@pytest.mark.parametrize(
    ("value", "reasoning"),
    [("", None), (None, None), ([], None), ("hm", "hm"), ({"text": "hm", "effort": "high"}, "hm"), (["h", "m"], "hm")],
)
def test_reasoning_is_a_text_and_an_empty_one_is_none(name, value, reasoning):
    assert read(chat(**{name: value})).reasoning == reasoning


@pytest.mark.parametrize(
    ("told", "counted"),
    [(7, 7), (0, 0), (7.0, 7), (7.5, None), (-7, None), (True, None), ("7", None), ([7], None), (10**12, None)],
)
def test_a_count_of_tokens_that_cannot_be_one_is_not_told(told, counted):
    answer = read(chat(usage={"prompt_tokens": told, "completion_tokens": told}))
    assert (answer.prompt_tokens, answer.output_tokens) == (counted, counted)


@pytest.mark.parametrize("number", ["NaN", "1e999", "-Infinity", "9" * 4000])
def test_numbers_that_json_should_not_hold_are_not_told(number):
    body = json.dumps(chat(usage={"prompt_tokens": 1, "completion_tokens": 0})).replace(": 0}", f": {number}}}")
    assert read(body).output_tokens is None


def test_a_server_that_tells_a_calls_times_tells_waiting_from_computing():
    metrics = {"queue_time_ms": 250.0, "time_to_first_token_ms": 100, "generation_time_ms": 1400.0, "mean_itl_ms": None}
    answer = read(chat() | {"metrics": metrics})
    assert (answer.waited, answer.computed) == (0.25, 1.5)


@pytest.mark.parametrize("time", [None, "250", -1.0, [], float("nan"), 10**400])
def test_times_of_another_form_are_not_told(time):
    known = {"time_to_first_token_ms": 100, "generation_time_ms": 1400}
    for metrics in (time, {"queue_time_ms": time, **known}, known):
        answer = read(chat() | {"metrics": metrics})
        assert (answer.waited, answer.computed) == (None, None)


@pytest.mark.parametrize("usage", [None, [], "12 tokens", 12])
def test_a_usage_of_another_form_is_not_told(usage):
    assert read(chat(usage=usage)).prompt_tokens is None


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        *(
            ("stop", "stop"),
            (None, "stop"),
            ("", "stop"),
            ("eos_token", "stop"),
            ("end_turn", "stop"),
            ("STOP", "stop"),
        ),
        *(("length", "length"), ("max_tokens", "length"), ("MAX_TOKENS", "length"), ("model_length", "length")),
        *(("content_filter", "content_filter"), ("SAFETY", "content_filter"), ("tool_calls", "tool_calls")),
    ],
)
def test_finish_reasons_have_one_spelling(said, reason):
    assert read(chat(finish_reason=said)).finish_reason == reason


@pytest.mark.parametrize(
    "reason", ["error", "abort", "aborted", "cancelled", "insufficient_system_resource", "timeout", "anything"]
)
def test_an_answer_that_did_not_finish_is_a_failed_attempt(reason):
    with pytest.raises(Failed, match=f"finish_reason '{reason}'"):
        read(chat("[2] > [1", reason))


def test_half_characters_become_the_replacement_character_and_are_counted():
    answer = read('{"choices": [{"message": {"content": "[1]\\ud800 \\ud83d\\ude00", "reasoning": "\\udc00"}}]}')
    assert (answer.text, answer.reasoning, answer.replaced) == ("[1]\ufffd \U0001f600", "\ufffd", 2)
    assert read(chat()).replaced is None


@pytest.mark.parametrize(
    ("told", "first"),
    [
        ({"content": [{"token": " y", "top_logprobs": [{"token": " y", "logprob": -0.5}]}]}, {" y": -0.5}),
        ({"tokens": [" y"], "top_logprobs": [{" y": -0.5, " n": -2}]}, {" y": -0.5, " n": -2.0}),
        ({"top_logprobs": [{" y": math.nan, " n": -1.0, " x": math.inf, " z": "-1", " l": -(10**400)}]}, {" n": -1.0}),
        ({"top_logprobs": None}, None),
        ({"content": [{"token": "y", "logprob": -1}]}, None),
        ({"content": [{"x": 1}]}, None),
        ({"content": []}, None),
        ("abc", None),
        (None, None),
    ],
)
def test_log_probabilities_are_numbers_of_tokens(told, first):
    assert read({"choices": [{"text": " y", "logprobs": told}]}).first_logprobs == first


@pytest.mark.parametrize(
    "body",
    [
        [],
        "text",
        7,
        {"choices": {"a": 1}},
        {"choices": ["x"]},
        {"choices": [{"message": "text"}]},
        chat(7),
        chat({"a": 1}),
        chat([7]),
        chat(reasoning=7),
        chat(finish_reason=3),
        chat(finish_reason={"a": 1}),
        {"choices": [{"message": {"content": "[1]"}, "token_ids": "abc"}]},
        {"choices": [{"message": {"content": "[1]"}, "token_ids": ["a"]}]},
    ],
)
def test_what_is_no_answer_is_an_error_and_no_failed_attempt(body):
    with pytest.raises(RankkError, match="not the answer of an OpenAI-compatible server") as caught:
        read(json.dumps(body))
    assert not isinstance(caught.value, Failed)


@pytest.mark.parametrize("code", [429, "429", 502, "rate_limit_exceeded", "server_error", "overloaded_error", None])
def test_an_error_in_a_200_that_may_pass_is_a_failed_attempt(code):
    with pytest.raises(Failed, match="busy today"):
        read({"choices": None, "error": {"message": "busy\ntoday", "code": code}})


@pytest.mark.parametrize("code", [400, "401", 404, "insufficient_quota", "invalid_request_error"])
def test_any_other_error_in_a_200_is_an_error_with_the_server_s_words(code):
    with pytest.raises(RankkError, match="answers 200 with an error: no such model") as caught:
        read({"error": {"message": "no such model", "code": code}})
    assert not isinstance(caught.value, Failed)


@pytest.mark.parametrize(
    "body", [{"choices": [{"message": None}]}, {"choices": []}, {"choices": None}, {}, {"detail": "busy"}]
)
def test_an_answer_without_choices_is_a_failed_attempt(body):
    with pytest.raises(Failed):
        read(body)


def test_an_error_of_a_choice_is_a_failed_attempt_with_its_words():
    with pytest.raises(Failed, match="upstream broke"):
        read({"choices": [{"message": {"content": ""}, "error": {"message": "upstream broke"}}]})


@pytest.mark.parametrize(
    ("content", "headers", "message"),
    [
        (b"<html>Sign in</html>", {}, "a web page .*Sign in"),
        (b" <!DOCTYPE html><p>Sign in", {}, "a web page"),
        (b"Sign in", {"content-type": "text/html; charset=utf-8"}, "a web page"),
        (b'data: {"choices": []}\n\n', {}, "an event stream .*choices"),
        (b"{}", {"content-type": "text/event-stream"}, "an event stream"),
    ],
)
def test_web_pages_and_event_streams_are_errors_that_show_them(content, headers, message):
    with pytest.raises(RankkError, match=message) as caught:
        parse(HttpReply(200, headers, content))
    assert not isinstance(caught.value, Failed)


@pytest.mark.parametrize("content", [b"", b'{"choices": [', b"[" * 100_000, b'{"a": \xff}', b"1" * 5000])
def test_what_is_no_json_is_a_failed_attempt(content):
    with pytest.raises(Failed, match="sends no JSON"):
        parse(HttpReply(200, {}, content))


@pytest.mark.parametrize("body", ['\ufeff{"choices": [{"text": "[1]"}]}', '{"choices": [{"text": "[1]"}]}'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_json_with_a_byte_order_mark_is_read(body, encoding):
    content = body.removeprefix("\ufeff" if encoding == "utf-16" else "").encode(encoding)
    assert completion(parse(HttpReply(200, {}, content)), 0.0).text == "[1]"


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"data": [{"id": "a"}, {"id": "b"}]}, ["a", "b"]),
        ({"data": ["a", "b"]}, ["a", "b"]),
        ([{"id": "a"}], ["a"]),
        ({"data": [{"id": ["a"]}, {"name": "b"}, 7, None]}, []),
        *((odd, []) for odd in ({"data": None}, {"data": "a"}, {}, [], [1, 2], "hello", None, 7)),
    ],
)
def test_an_odd_list_of_models_is_not_told(body, names):
    assert list(models(body)) == names


def test_of_several_choices_the_first_by_its_index_counts():
    choices = [{"index": number, "message": {"content": f"[{number}]"}, "finish_reason": "stop"} for number in (1, 0)]
    assert read({"choices": choices}).text == "[0]"


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "invalid_prompt", "message": "flagged"}},
        {"error": {"code": "1301", "message": "sensitive"}},
        {"error": {"code": 403, "metadata": {"reasons": ["violence"], "flagged_input": "…"}}},
        {"promptFeedback": {"blockReason": "SAFETY"}},
    ],
)
def test_a_prompt_that_is_blocked_is_filtered_in_every_server_s_words(body):
    assert is_filtered(body)


def test_words_of_a_server_hold_no_line_breaks_and_no_terminal_s_signs():
    assert error_text({"error": {"message": "a\x1b[31mred\n\x07b"}}, "") == "a [31mred b"
