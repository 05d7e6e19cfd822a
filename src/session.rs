//! The conversation between a face (the page, the command line) and the simulated cluster.

pub mod protocol;
