#!/usr/bin/env bash
# Sets up what is missing, and only that: `.ci/setup.sh [compiler|wasm_target|clippy|web|browser|trunk|bindgen|pack|deny]...`
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/env.sh

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "this needs root, and there is no sudo; run as root: $*"; fi
}

apt_install() {
  command -v apt-get >/dev/null || fail "this machine has no apt-get; install by its own means what these Debian packages hold: $*"
  say "installing with apt: $*"
  as_root apt-get update -qq || say "the package lists could not be refreshed; going on with those that are here"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$cache/apt.log" 2>&1 \
    || { tail -n 15 "$cache/apt.log" >&2; fail "apt could not install: $*"; }
}

# A Rust program of a pinned version, into its own folder of the cache, compiled plainly: name, version, how long it takes,
# more arguments.
cargo_tool() {
  local name=$1 version=$2 long=$3; shift 3
  if command -v cargo-binstall >/dev/null && cargo binstall -y --quiet --root "$cache/$name-$version" "$name@$version"; then return; fi
  say "compiling $name $version, once ($long on two cores)"
  CARGO_TARGET_DIR=$cache/build CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    CARGO_PROFILE_RELEASE_OPT_LEVEL=0 cargo install --root "$cache/$name-$version" --version "$version" "$@" "$name" \
    || fail "$name $version did not compile; the compiler's words are above, and a second run goes on where this one stopped"
}

has_trunk() { [ -x "$cache/trunk-$trunk_version/bin/trunk" ]; }
set_trunk() { cargo_tool trunk $trunk_version "about 4 minutes" --locked --no-default-features --features rustls; }

has_bindgen() { [ -x "$cache/wasm-bindgen-cli-$wasm_bindgen_version/bin/wasm-bindgen" ]; }
# It works through megabytes of wasm every time: what does so is optimised.
set_bindgen() {
  local hot=() name
  for name in walrus wasmparser wasm-encoder wasm-bindgen-cli-support leb128 leb128fmt id-arena; do
    hot+=(--config "profile.release.package.$name.opt-level=1")
  done
  cargo_tool wasm-bindgen-cli "$wasm_bindgen_version" "about 2 minutes" "${hot[@]}"
}

has_pack() { [ -x "$cache/wasm-pack-$wasm_pack_version/bin/wasm-pack" ]; }
set_pack() { cargo_tool wasm-pack $wasm_pack_version "about 2 minutes" --locked; }

has_deny() { [ -x "$cache/cargo-deny-$cargo_deny_version/bin/cargo-deny" ]; }
set_deny() { cargo_tool cargo-deny $cargo_deny_version "about 4 minutes" --locked; }

has_compiler() { command -v cc >/dev/null; }
set_compiler() { apt_install gcc libc6-dev; }

has_wasm_target() { wasm_toolchain >/dev/null; }
set_wasm_target() {
  say "adding the target $wasm_target with rustup"
  RUST_BACKTRACE=0 timeout 300 rustup target add $wasm_target >"$cache/rustup.log" 2>&1 && has_wasm "$(own_toolchain)" && return
  say "rustup could not ($(grep -m 1 '^error' "$cache/rustup.log" || echo "it took longer than 5 minutes"))"
  say "building the target with the distribution's compiler instead (about 1 minute, once)"
  . .ci/distro-wasm.sh
}

# rustup's clippy knows every target; the distribution's is a package of its own.
has_clippy() { [ "$(wasm_toolchain)" != distro ] || [ -x /usr/bin/cargo-clippy ]; }
set_clippy() { apt_install rust-web-clippy; }

has_web() { cmp -s .web/package-lock.json .web/node_modules/.kubarium-lock; }
set_web() {
  command -v npm >/dev/null || fail "there is no npm on the PATH; install Node 20 or newer and run this again"
  say "installing the page's npm packages into .web/node_modules"
  npm ci --prefix .web --no-fund --no-audit --loglevel error || fail "npm could not install the packages that .web/package-lock.json names"
  cp .web/package-lock.json .web/node_modules/.kubarium-lock
}

# CHROMIUM names another browser of that family.
browser=${CHROMIUM:-chromium}
has_cjk_font() { compgen -G "/usr/share/fonts/*/noto/NotoSansCJK*" >/dev/null; }
has_browser() { command -v "$browser" >/dev/null && command -v chromedriver >/dev/null && has_cjk_font; }
set_browser() {
  local packages=()
  command -v "$browser" >/dev/null || packages+=(chromium)
  command -v chromedriver >/dev/null || packages+=(chromium-driver)
  has_cjk_font || packages+=(fonts-noto-cjk)
  apt_install "${packages[@]}"
}

missing() { for what in "$@"; do "has_$what" || printf '%s ' "$what"; done; }

command -v cargo >/dev/null || fail "there is no Rust on the PATH; install it from rustup.rs and run this again"
mkdir -p "$cache"
todo=$(missing "$@")
[ -n "$todo" ] || exit 0

# One set-up at a time; the second finds the work done.
if command -v flock >/dev/null; then
  exec 9>"$cache/lock"
  flock -n 9 || { say "another set-up is running; waiting for it"; flock 9; todo=$(missing "$@"); }
fi
count=0
total=$(wc -w <<<"$todo")
for what in $todo; do
  count=$((count + 1))
  say "step $count of $total: $what"
  "set_$what"
  "has_$what" || fail "$what was set up and still is not found; the output above says more"
done
rm -rf "$cache/build"
say "done"
