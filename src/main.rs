//! Two faces of one binary: on wasm32 the page, elsewhere the command line.

fn main() -> std::process::ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    kubarium::cli::main(&args).into()
}
