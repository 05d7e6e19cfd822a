#!/usr/bin/env bash
# Runs the tests, all in the profile `quick`: `.ci/test.sh [native|wasm|e2e]...`
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/env.sh
step=test

native() {
  .ci/setup.sh compiler
  say "native tests"
  if command -v cargo-nextest >/dev/null; then cargo nextest run --workspace --cargo-profile quick; else cargo test --workspace --profile quick --lib --bins --tests; fi
  say "documentation examples"
  cargo test --profile quick --doc
}

wasm() {
  .ci/setup.sh compiler wasm_target web browser bindgen pack
  say "tests of the wasm build, in Chromium"
  CHROMEDRIVER=$(command -v chromedriver) WASM_BINDGEN_TEST_TIMEOUT=300 RUSTUP_TOOLCHAIN=$(wasm_toolchain) \
    wasm-pack --log-level error test --headless --chrome --mode no-install tests/web --profile quick
}

e2e() {
  .ci/setup.sh compiler wasm_target web browser trunk bindgen
  say "building the page"
  RUSTUP_TOOLCHAIN=$(wasm_toolchain) trunk build --dist target/page
  say "end-to-end tests of the built page, in Chromium"
  node --test --test-concurrency=1 tests/e2e/*.test.mjs
}

for what in "$@"; do
  started=$SECONDS
  "$what"
  say "$what: passed in $((SECONDS - started)) s"
done
