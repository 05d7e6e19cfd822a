#!/usr/bin/env bash
# Runs the tests, all in the profile `quick`: `.ci/test.sh [native|wasm|e2e]...`
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/env.sh
step=test

# What the parts in the browser need is set up beside the tests, on what they leave idle of the machine: first what the
# wasm tests need, then what the end-to-end tests need.
parts=$*
for_wasm=
for_e2e=
log=$cache/setup.log
set_up_beside() {
  case $parts in *wasm*e2e*) ;; *) return ;; esac
  mkdir -p "$cache"
  say "beside the tests, what the browser needs is set up; how far it is: $log"
  set -m # process groups of their own, to be ended as a whole
  nice .ci/setup.sh wasm_target web browser bindgen pack >"$log" 2>&1 </dev/null &
  for_wasm=$!
  (tail -f /dev/null --pid="$for_wasm" && exec nice .ci/setup.sh trunk >>"$log" 2>&1 </dev/null) &
  for_e2e=$!
  set +m
}
trap 'for one in $for_wasm $for_e2e; do kill -- -"$one" 2>/dev/null || true; done' EXIT

# Waits for such a set-up and shows the rest of it. What failed is tried again by the part that needs it, in sight.
await() {
  if [ -n "$1" ] && kill -0 "$1" 2>/dev/null; then
    say "set-up is still going on:"
    tail -n 2 -f --pid="$1" "$log"
  fi
}

native() {
  .ci/setup.sh compiler
  set_up_beside
  say "native tests"
  if command -v cargo-nextest >/dev/null; then cargo nextest run --workspace --cargo-profile quick; else cargo test --workspace --profile quick --lib --bins --tests; fi
}

wasm() {
  await "$for_wasm"
  .ci/setup.sh compiler wasm_target web browser bindgen pack
  say "tests of the wasm build, in Chromium"
  CHROMEDRIVER=$(command -v chromedriver) WASM_BINDGEN_TEST_TIMEOUT=300 RUSTUP_TOOLCHAIN=$(wasm_toolchain) \
    wasm-pack --log-level error test --headless --chrome --mode no-install tests/web --profile quick
}

e2e() {
  await "$for_e2e"
  .ci/setup.sh compiler wasm_target web browser trunk bindgen
  say "building the page"
  RUSTUP_TOOLCHAIN=$(wasm_toolchain) trunk build --dist target/page
  say "end-to-end tests of the built page, in Chromium"
  local said=target/e2e.tap unsteady
  e2e_run | tee "$said" && return
  # A browser on a busy machine can be late. What failed is run once more, alone, and named; it must pass then.
  mapfile -t unsteady < <(sed -n 's/^not ok [0-9]* - //p' "$said")
  [ ${#unsteady[@]} -ge 1 ] && [ ${#unsteady[@]} -le 4 ] || fail "${#unsteady[@]} end-to-end tests failed"
  say "failed, and run once more:"
  printf '  %s\n' "${unsteady[@]}"
  mapfile -t patterns < <(printf '%s\n' "${unsteady[@]}" | sed 's/[][().*+?^$|{}\/]/\\&/g; s/.*/--test-name-pattern=^&$/')
  e2e_run "${patterns[@]}" | tee "$said"
  grep -qx "# pass ${#unsteady[@]}" "$said" || fail "not every one of them ran again"
  say "unsteady, passed the second time:"
  printf '  %s\n' "${unsteady[@]}"
}

e2e_run() { node --test --test-concurrency=1 --test-reporter=tap "$@" tests/e2e/*.test.mjs; }

for what in "$@"; do
  started=$SECONDS
  "$what"
  say "$what: passed in $((SECONDS - started)) s"
done
