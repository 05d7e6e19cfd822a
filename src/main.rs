//! Two faces of one binary: on wasm32 the page, elsewhere the command line.

fn main() {}
