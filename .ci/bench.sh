#!/usr/bin/env bash
# Prints every budget of the design that applies so far beside what was measured: native, then in the browser.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/env.sh
.ci/setup.sh compiler browser
step=bench
verdict=0
say "native, in release mode"
cargo bench --quiet --bench budgets || verdict=1
.ci/release.sh target/page-release
say "in Chromium"
KUBARIUM_DIST=target/page-release node tests/bench/page.mjs || verdict=1
exit $verdict
