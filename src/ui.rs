//! The page: reads views, sends requests, decides nothing.
//!
//! ```text
//! state       signals, one per view, and what the learner has opened and selected
//! link        the worker (or, in development, sample views): updates into signals, signals into requests
//! words       everything that the page says, in every language
//! picture     where the boxes and lines of the cluster picture are
//! panel/*     one panel per file      widget/*   small parts that several panels use
//! browser/*   the only users of web-sys
//! ```

mod app;
mod browser;
mod link;
mod panel;
mod picture;
mod state;
mod widget;
mod words;

/// Puts the page into the document.
pub fn mount() {
    console_error_panic_hook::set_once();
    browser::frame::mark("wasm-start");
    leptos::mount::mount_to_body(app::App);
    widget::boot::remove_skeleton();
}
