#!/usr/bin/env bash
# Known vulnerabilities in the dependencies. Apart from lint.sh because its database is fetched from the network.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/env.sh
.ci/setup.sh deny
cargo deny --config .deny.toml check advisories
