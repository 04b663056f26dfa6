"""Speed and time left in a cell's progress line."""

from rankk.llm.types import Completion
from rankk.reranking.pace import Pace


def test_speed_counts_from_the_first_request_and_time_left_comes_with_the_fifth_call():
    pace = Pace()
    assert pace.told(40) == ""
    with pace.asking():
        assert pace.told(40) == ""  # an engine that starts has no speed yet
        for _ in range(4):
            pace.answered(Completion("[1] > [2]", "stop", output_tokens=500, seconds=10))
        assert pace.told(36) == "200 tokens/s"
        pace.answered(Completion("[1] > [2]", "stop", output_tokens=500, seconds=10))
        assert pace.told(35) == "250 tokens/s, about 2:55 left"  # 35 calls of 10 s, two at a time
    assert pace.told(0) == "250 tokens/s"
