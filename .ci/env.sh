# Sourced by every script: the versions of the tools, where they live, and which toolchain compiles to wasm.

trunk_version=0.21.14
wasm_pack_version=0.15.1
cargo_deny_version=0.20.2
# The command line must be exactly the library's version.
wasm_bindgen_version=$(sed -n '/^name = "wasm-bindgen"$/{n;s/version = "\(.*\)"/\1/p;}' Cargo.lock)

# Tools are kept outside the project, by version, so that `git clean` does not cost a compile.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kubarium
PATH=$cache/trunk-$trunk_version/bin:$cache/wasm-bindgen-cli-$wasm_bindgen_version/bin:$PATH
PATH=$cache/wasm-pack-$wasm_pack_version/bin:$cache/cargo-deny-$cargo_deny_version/bin:$PATH
export PATH=$PWD/.web/node_modules/.bin:$HOME/.cargo/bin:$PATH

wasm_target=wasm32-unknown-unknown

say() { printf '\033[1m%s:\033[0m %s\n' "${step:-setup}" "$*"; }
fail() { printf '%s failed: %s\n' "${step:-setup}" "$*" >&2; exit 1; }

# Is there a standard library for wasm in toolchain $1?
has_wasm() {
  local dir
  dir=$(RUSTUP_TOOLCHAIN=$1 rustc --print target-libdir --target $wasm_target 2>/dev/null) || return 1
  compgen -G "$dir/libstd-*.rlib" >/dev/null
}

# The toolchain that rustup would run here.
own_toolchain() { rustup show active-toolchain | cut -d' ' -f1; }

# The toolchain that compiles to wasm: rustup's own where it has the target, else the distribution's, linked as "distro".
wasm_toolchain() {
  local own
  own=$(own_toolchain)
  if has_wasm "$own"; then echo "$own"; elif has_wasm distro; then echo distro; else return 1; fi
}
