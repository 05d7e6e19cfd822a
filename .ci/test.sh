#!/usr/bin/env bash
# Runs the tests, all in the profile `quick`: `.ci/test.sh [native|wasm|e2e]...`
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/env.sh
step=test

# What the parts in the browser need is set up beside the native tests, on what they leave idle of the machine.
parts=$*
beside=
log=$cache/setup.log
set_up_beside() {
  case $parts in *wasm* | *e2e*) ;; *) return ;; esac
  mkdir -p "$cache"
  say "beside the native tests, what the tests in the browser need is set up; how far it is: $log"
  set -m # a process group of its own, to be ended as a whole
  nice .ci/setup.sh wasm_target web browser bindgen pack trunk >"$log" 2>&1 </dev/null &
  beside=$!
  set +m
}
trap '[ -z "$beside" ] || kill -- -"$beside" 2>/dev/null || true' EXIT

# Waits for that and shows the rest of it. What failed is tried again by the part that needs it, in sight.
await_set_up() {
  if [ -n "$beside" ] && kill -0 "$beside" 2>/dev/null; then
    say "set-up for the browser is still going on:"
    tail -n 2 -f --pid="$beside" "$log"
  fi
  beside=
}

native() {
  .ci/setup.sh compiler
  set_up_beside
  say "native tests"
  if command -v cargo-nextest >/dev/null; then cargo nextest run --workspace --cargo-profile quick; else cargo test --workspace --profile quick --lib --bins --tests; fi
  say "documentation examples"
  cargo test --profile quick --doc
}

wasm() {
  await_set_up
  .ci/setup.sh compiler wasm_target web browser bindgen pack
  say "tests of the wasm build, in Chromium"
  CHROMEDRIVER=$(command -v chromedriver) WASM_BINDGEN_TEST_TIMEOUT=300 RUSTUP_TOOLCHAIN=$(wasm_toolchain) \
    wasm-pack --log-level error test --headless --chrome --mode no-install tests/web --profile quick
}

e2e() {
  await_set_up
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
