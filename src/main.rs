//! Two faces of one binary: on wasm32 the page, elsewhere the command line.

#[cfg(target_arch = "wasm32")]
fn main() {
    kubarium::ui::mount();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    kubarium::cli::main(&args).into()
}
