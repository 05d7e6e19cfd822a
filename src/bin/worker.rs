//! Hosts the core in a Web Worker; does nothing elsewhere.

fn main() {}
