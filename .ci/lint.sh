#!/usr/bin/env bash
# Everything that a machine can say about the code without running it; warnings are errors.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/env.sh
.ci/setup.sh compiler wasm_target clippy deny
step=lint
say "1 of 5: format"
cargo fmt --check
say "2 of 5: clippy, native"
cargo clippy --workspace --all-targets --quiet -- -D warnings
say "3 of 5: clippy, $wasm_target"
RUSTUP_TOOLCHAIN=$(wasm_toolchain)
export RUSTUP_TOOLCHAIN
cargo clippy --lib --bins --target $wasm_target --quiet -- -D warnings
cargo clippy --package kubarium-web-tests --all-targets --target $wasm_target --quiet -- -D warnings
unset RUSTUP_TOOLCHAIN
say "4 of 5: documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --lib --quiet
say "5 of 5: dependencies (bans, licences, sources)"
cargo deny --log-level warn --config .deny.toml check bans licenses sources
say "passed"
