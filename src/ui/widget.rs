//! Small parts that several panels use.

pub mod boot;
pub mod branches;
pub mod embed;
pub mod faults;
pub mod menu;
pub mod palette;
pub mod prose;
pub mod scenario;
pub mod share;
pub mod splitter;
pub mod tabs;
pub mod top_bar;
pub mod transport;
pub mod why;
