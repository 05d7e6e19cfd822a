#!/usr/bin/env bash
# Prints every budget of the design that applies so far beside what was measured: native, then in the browser.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/env.sh
.ci/setup.sh compiler wasm_target browser bindgen pack
step=bench
verdict=0
say "native, in release mode"
cargo bench --quiet --bench budgets || verdict=1
say "the core in Chromium, compiled as a page ships it"
KUBARIUM_BENCH=1 CHROMEDRIVER=$(command -v chromedriver) WASM_BINDGEN_TEST_TIMEOUT=300 RUSTUP_TOOLCHAIN=$(wasm_toolchain) \
  wasm-pack --log-level error test --headless --chrome --mode no-install tests/web --profile wasm-release -- --nocapture measured \
  | grep -o ' *[0-9.]*\(ms\|/s\) .*' || verdict=1
.ci/release.sh target/page-release
say "the page in Chromium"
KUBARIUM_DIST=target/page-release node tests/bench/page.mjs || verdict=1
exit $verdict
