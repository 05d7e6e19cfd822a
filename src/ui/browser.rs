//! The only place that speaks to the browser: storage, address bar, frames, files, sizes, the worker, the editor.

pub mod core;
pub mod dom;
pub mod editor;
pub mod file;
pub mod frame;
pub mod storage;
pub mod url;
