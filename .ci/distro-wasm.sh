# Sourced by setup.sh. The wasm target without rustup's server: Debian's compiler, with the standard library built once from
# its source, linked into rustup as the toolchain "distro". Every step is skipped when it is already done.

lib=/usr/lib/rustlib/$wasm_target/lib
linker=/usr/lib/rustlib/$(uname -m)-unknown-linux-gnu/bin/rust-lld
build=$cache/std-build

if ! [ -x /usr/bin/cargo ] || ! [ -d /usr/lib/rustlib/src/rust/library ]; then
  apt_install rustc-web cargo-web rust-web-src
fi
if ! [ -e "$linker" ]; then
  llvm=$(/usr/bin/rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
  command -v "lld-$llvm" >/dev/null || apt_install "lld-$llvm"
  as_root mkdir -p "${linker%/*}"
  as_root ln -s "$(command -v "lld-$llvm")" "$linker"
fi
if ! compgen -G "$lib/libstd-*.rlib" >/dev/null; then
  say "building the standard library for $wasm_target"
  rm -rf "$build"
  mkdir -p "$build/src"
  touch "$build/src/lib.rs"
  printf '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2024"\n' >"$build/Cargo.toml"
  # With bitcode, so that link-time optimisation of the page can see into the library.
  (cd "$build" && env -u RUSTUP_TOOLCHAIN RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Cembed-bitcode=yes \
    CARGO_TARGET_DIR="$build/target" /usr/bin/cargo build --release --target $wasm_target \
    -Zbuild-std=core,alloc,std,panic_abort,panic_unwind,proc_macro,test) \
    || fail "the standard library did not compile; the compiler's words are above"
  rm -f "$build/target/$wasm_target/release/deps"/libempty-*
  as_root mkdir -p "$lib"
  as_root cp "$build/target/$wasm_target/release/deps"/*.rlib "$lib/"
  rm -rf "$build"
fi
rustup toolchain link distro /usr || fail "rustup could not link /usr as the toolchain \"distro\""
