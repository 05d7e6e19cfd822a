#!/usr/bin/env bash
# The simulations at full length: 1,000 seeds of small clusters, 2,000 of three masters, 1,000 of random networks, 500 of
# sessions that go back and forth, 20,000 odd manifests and 200,000 odd requests, 10,000 of etcd's members, the model of Raft
# as deep as it goes (with pre-vote to 15 happenings), the model of elections by Lease.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/env.sh
.ci/setup.sh compiler
step=soak
run() { cargo test --profile quick "$@" -- --nocapture; }
say "small clusters, 1,000 seeds"
KUBARIUM_SEEDS=1000 run --test simulation whatever_happens
say "three masters, 2,000 seeds"
KUBARIUM_SEEDS=20000 run --test simulation three_masters
say "random networks, 1,000 seeds"
KUBARIUM_SEEDS=1000 run --test network every_request
say "sessions that go back and forth, 500 seeds"
KUBARIUM_SEEDS=500 run --test timeline every_moment
say "odd manifests, 20,000; odd requests of 500 servers"
KUBARIUM_SEEDS=20000 run --test odd odd_manifests
KUBARIUM_SEEDS=500 run --test odd requests_of_any
say "members of etcd, 10,000 seeds; the model of Raft"
KUBARIUM_RAFT_SEEDS=10000 KUBARIUM_SOAK=1 run --lib etcd::
say "the model of elections by Lease"
KUBARIUM_SOAK=1 run --lib control::elector::
say "passed in $SECONDS s"
