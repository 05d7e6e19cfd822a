#!/usr/bin/env bash
# Prints every budget of the design that applies so far beside what was measured.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/env.sh
step=bench
say "native"
cargo bench --quiet --bench budgets
