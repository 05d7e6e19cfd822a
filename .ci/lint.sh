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
cargo clippy --all-targets --quiet -- -D warnings
say "3 of 5: clippy, $wasm_target"
RUSTUP_TOOLCHAIN=$(wasm_toolchain) cargo clippy --lib --bins --test web --target $wasm_target --quiet -- -D warnings
say "4 of 5: documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --lib --quiet
say "5 of 5: dependencies (bans, licences, sources)"
cargo deny --log-level warn --config .deny.toml check bans licenses sources
say "passed"
