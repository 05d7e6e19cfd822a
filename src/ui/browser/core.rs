//! The worker that hosts the core: frames in, frames out.

use leptos::prelude::{document, window};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};

use crate::session::protocol::{FrameError, Request, Update, decode, encode};
use crate::ui::browser::dom;

/// The worker.
#[derive(Clone)]
pub struct Core {
    worker: Worker,
}

/// What comes from the worker.
pub enum Arrival {
    /// It runs and can be spoken to (empty the first time), or it has something to tell.
    Updates(Vec<Update>),
    /// It speaks another version: a stale half is cached.
    Stale,
    /// It stopped: its last words.
    Stopped(String),
}

impl Core {
    /// Starts a worker. `arrived` is called with everything that comes from it.
    pub fn start(arrived: impl Fn(Arrival) + Clone + 'static) -> Option<Core> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let base = document().base_uri().ok().flatten().unwrap_or_else(|| window().origin());
        let name = dom::root("data-worker").unwrap_or_else(|| "worker_loader.js".into());
        let url = web_sys::Url::new_with_base(&name, &base).ok()?.href();
        let worker = Worker::new_with_options(&url, &options).ok()?;
        listen(&worker, arrived);
        Some(Core { worker })
    }

    /// Sends a request.
    pub fn send(&self, request: &Request) {
        let frame = js_sys::Uint8Array::from(encode(request).as_slice());
        drop(self.worker.post_message(&frame));
    }

    /// Ends the worker, whatever it does.
    pub fn stop(&self) {
        self.worker.terminate();
    }
}

fn listen(worker: &Worker, arrived: impl Fn(Arrival) + Clone + 'static) {
    let told = arrived.clone();
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        let frame = js_sys::Uint8Array::new(&event.data()).to_vec();
        told(match decode::<Vec<Update>>(&frame) {
            Ok(updates) => Arrival::Updates(updates),
            Err(FrameError::Version) => Arrival::Stale,
            Err(FrameError::Malformed) => Arrival::Stopped("a malformed message".into()),
        });
    });
    let on_error = Closure::<dyn Fn(web_sys::ErrorEvent)>::new(move |event: web_sys::ErrorEvent| {
        event.prevent_default();
        arrived(Arrival::Stopped(event.message()));
    });
    worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    // A page has one worker at a time; its listeners live as long as the page.
    on_message.forget();
    on_error.forget();
}
