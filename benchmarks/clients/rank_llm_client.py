"""rank-llm's client on a file of requests, by its Python interface; run with the Python that has rank-llm.

Its command line needs a GPU on the client even where the model is served elsewhere.
"""

import argparse

from rank_llm.data import DataWriter, read_requests_from_file  # type: ignore[import-not-found]
from rank_llm.rerank import Reranker  # type: ignore[import-not-found]
from rank_llm.rerank.listwise import RankListwiseOSLLM  # type: ignore[import-not-found]

parser = argparse.ArgumentParser()
parser.add_argument("--requests", required=True)
parser.add_argument("--model", required=True, help="the served model's name; its tokenizer is loaded")
parser.add_argument("--base-url", required=True)
parser.add_argument("--output", required=True)
parser.add_argument("--batch-size", type=int, required=True)
options = parser.parse_args()

model = RankListwiseOSLLM(
    model=options.model,
    context_size=4096,
    window_size=20,
    stride=10,
    batch_size=options.batch_size,
    is_thinking=True,
    reasoning_token_budget=8000,
    device="cpu",
    base_url=options.base_url,
)
results = Reranker(model).rerank_batch(read_requests_from_file(options.requests), rank_end=100)
DataWriter(results).write_in_trec_eval_format(options.output)
