//! Animation frames: one loop for the whole page, which rests while the page is hidden.

use std::cell::RefCell;
use std::rc::Rc;

use leptos::prelude::{document, request_animation_frame, window};

/// Calls `each` before every paint with the wall-clock microseconds since the last call, for ever.
pub fn every(each: impl FnMut(u32) + 'static) {
    again(Rc::new(RefCell::new(each)), wall_ms());
}

fn again(each: Rc<RefCell<dyn FnMut(u32)>>, last: f64) {
    request_animation_frame(move || {
        let now = wall_ms();
        // Casting saturates, and a page that was hidden for an hour has nothing to catch up with.
        let elapsed = ((now - last).clamp(0.0, 100.0) * 1_000.0) as u32;
        if !document().hidden() {
            (each.borrow_mut())(elapsed);
        }
        again(each, now);
    });
}

/// Marks a moment for whoever measures (`make bench`).
pub fn mark(name: &str) {
    if let Some(performance) = window().performance() {
        drop(performance.mark(name));
    }
}

/// Milliseconds of wall-clock time since the page was opened.
pub fn wall_ms() -> f64 {
    window().performance().map_or(0.0, |p| p.now())
}
