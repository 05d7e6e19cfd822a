//! The conversation between a face (the page, the command line) and the simulated cluster.

pub mod line;
pub mod protocol;
pub mod script;
pub mod terminal;
pub mod world;

pub use script::Script;
pub use world::World;
