#!/usr/bin/env bash
# Prints every budget of the design that applies so far beside what was measured: native, then in the browser.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/env.sh
.ci/setup.sh compiler wasm_target web browser trunk bindgen
step=bench
verdict=0
say "native, in release mode"
cargo bench --quiet --bench budgets || verdict=1
say "building the release page (some minutes)"
RUSTUP_TOOLCHAIN=$(wasm_toolchain) trunk build --release --dist target/page-release
say "in Chromium"
KUBARIUM_DIST=target/page-release node tests/bench/page.mjs || verdict=1
exit $verdict
