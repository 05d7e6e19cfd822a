#!/usr/bin/env bash
# Builds what a release ships and prints its size, compressed with brotli, beside the budgets.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/env.sh
.ci/setup.sh compiler wasm_target web trunk bindgen
step=size
say "building the release page (some minutes)"
RUSTUP_TOOLCHAIN=$(wasm_toolchain) trunk build --release --dist target/page-release
node .ci/size.mjs target/page-release
