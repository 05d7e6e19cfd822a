//! The panels, one per file.

pub mod cluster;
pub mod compare;
pub mod detail;
pub mod editor;
pub mod etcd;
pub mod events;
pub mod examples;
pub mod ha;
pub mod lesson;
pub mod objects;
pub mod packet;
pub mod scheduler;
pub mod terminal;
pub mod timeline;
pub mod workshop;
