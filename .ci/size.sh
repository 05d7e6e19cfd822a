#!/usr/bin/env bash
# Builds what a release ships and prints its size, compressed with brotli, beside the budgets.
set -euo pipefail
cd "$(dirname "$0")/.."
.ci/release.sh target/page-release
node .ci/size.mjs target/page-release
