#!/usr/bin/env bash
# Serves the page on http://127.0.0.1:8080 and rebuilds it on every change. RELEASE=1 serves what a release ships.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/env.sh
.ci/setup.sh compiler wasm_target web trunk bindgen
step=serve
RUSTUP_TOOLCHAIN=$(wasm_toolchain)
export RUSTUP_TOOLCHAIN
say "building the page (a first build takes some minutes), then serving it on http://127.0.0.1:8080"
# Trunk wants every folder that it ignores to be there.
mkdir -p target
exec trunk serve ${RELEASE:+--release}
