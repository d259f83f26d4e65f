#!/usr/bin/env bash
# Runs a `prospect` that was built elsewhere on this machine's own PyTorch 2.11, for machines that have a CUDA device and
# torch, but no Rust:
#
#     scripts/on_python_torch.sh [--python PYTHON] ./prospect train run.toml --out runs/gpu --set run.device=cuda
#
# Carry the binary (`make build`, then target/release/prospect), this script and the run file. The binary links libtorch_cpu and
# libc10 only; they are taken from the package's folder, and so is libtorch_cuda, which `prospect` opens when it asks for a
# device. `scripts/on_python_torch.sh ./prospect doctor` tells whether all of it was found.
set -euo pipefail

python=python3
if [[ "${1:-}" == --python ]]; then
  python="${2:?--python needs a path}"
  shift 2
fi
if [[ $# -eq 0 ]]; then
  echo "usage: $0 [--python PYTHON] PROSPECT ARGUMENTS..." >&2
  exit 2
fi

found="$("$python" -c 'import os, torch; print(torch.__version__.split("+")[0]); print(os.path.dirname(torch.__file__))')" || {
  echo "$0: $python cannot import torch; name another with --python" >&2
  exit 2
}
version="${found%%$'\n'*}"
folder="${found#*$'\n'}"
if [[ "$version" != 2.11.* ]]; then
  echo "$0: $python has torch $version; prospect is built for libtorch 2.11" >&2
  exit 2
fi

# torch finds NVIDIA's libraries beside itself through its own run paths; those of the loader come first for the rest.
libraries="$folder/lib"
for library in "$folder"/../nvidia/*/lib; do
  [[ -d "$library" ]] && libraries="$libraries:$library"
done
LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" exec "$@"
