#!/usr/bin/env bash
# Builds the release page into a folder: `.ci/release.sh FOLDER`.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/env.sh
.ci/setup.sh compiler wasm_target web browser trunk bindgen
step=release
say "building the release page (some minutes)"
RUSTUP_TOOLCHAIN=$(wasm_toolchain) trunk build --release --dist "$1"
