# `make serve` and `make test` are all that is needed: each sets up what is missing first. The work is in .ci/.
.PHONY: serve test test-native test-wasm test-e2e soak lint bench size dist setup advisories picture

serve: ; @.ci/serve.sh
test: ; @.ci/test.sh native wasm e2e
test-native: ; @.ci/test.sh native
test-wasm: ; @.ci/test.sh wasm
test-e2e: ; @.ci/test.sh e2e
lint: ; @.ci/lint.sh
# What `make test` does with few seeds, with many: hours.
soak: ; @.ci/soak.sh
bench: ; @.ci/bench.sh
size: ; @.ci/size.sh
dist: ; @.ci/dist.sh
setup: ; @.ci/setup.sh compiler wasm_target clippy web browser trunk bindgen pack deny
advisories: ; @.ci/advisories.sh
# The picture of the README, as the end-to-end tests made it.
picture: test-e2e ; cp target/screenshots/page-applied.png .github/page.png
