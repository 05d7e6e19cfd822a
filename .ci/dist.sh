#!/usr/bin/env bash
# Builds what a static host serves into target/dist: the release page with every text and wasm file compressed beside it.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/env.sh
step=dist
.ci/release.sh target/dist
node .ci/compress.mjs target/dist
say "target/dist is ready for any static host, under any path"
