//! Files to and from the learner's disk, text to the clipboard.

use leptos::prelude::{document, window};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

/// Offers `bytes` as a download called `name`.
pub fn save(name: &str, mime: &str, bytes: &[u8]) {
    let parts = js_sys::Array::of1(&js_sys::Uint8Array::from(bytes));
    let options = web_sys::BlobPropertyBag::new();
    options.set_type(mime);
    let Ok(blob) = web_sys::Blob::new_with_u8_array_sequence_and_options(&parts, &options) else { return };
    let Ok(url) = web_sys::Url::create_object_url_with_blob(&blob) else { return };
    if let Ok(anchor) = document().create_element("a") {
        let anchor: web_sys::HtmlAnchorElement = anchor.unchecked_into();
        anchor.set_href(&url);
        anchor.set_download(name);
        anchor.click();
    }
    drop(web_sys::Url::revoke_object_url(&url));
}

/// Reads the file that was chosen in an input, and empties the input. `None` if there is none, or it is longer than `most` bytes.
pub fn read(event: &leptos::ev::Event, most: f64, then: impl Fn(Option<String>) + Clone + 'static) {
    let input = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok());
    let Some(input) = input else { return };
    read_first(input.files(), most, then);
    input.set_value("");
}

fn read_first(files: Option<web_sys::FileList>, most: f64, then: impl Fn(Option<String>) + Clone + 'static) {
    let chosen = files.and_then(|files| files.get(0)).filter(|file| file.size() <= most);
    let Some(chosen) = chosen else { return then(None) };
    let failed = then.clone();
    let read = Closure::once(move |text: JsValue| then(text.as_string()));
    let refused = Closure::once(move |_: JsValue| failed(None));
    drop(chosen.text().then2(&read, &refused));
    // The browser calls one of the two later.
    read.forget();
    refused.forget();
}

/// Reads every file that is dropped on the page, if it is not longer than `most` bytes.
pub fn on_drop(most: f64, then: impl Fn(Option<String>) + Clone + 'static) {
    let carries = |event: &web_sys::DragEvent| event.data_transfer().and_then(|data| data.files());
    let over = Closure::<dyn Fn(web_sys::DragEvent)>::new(|event: web_sys::DragEvent| {
        let types = event.data_transfer().map(|data| data.types()).unwrap_or_default();
        if types.includes(&"Files".into(), 0) {
            event.prevent_default();
        }
    });
    let dropped = Closure::<dyn Fn(web_sys::DragEvent)>::new(move |event: web_sys::DragEvent| {
        let files = carries(&event).filter(|files| files.length() > 0);
        if files.is_some() {
            event.prevent_default();
            read_first(files, most, then.clone());
        }
    });
    let window = window();
    drop(window.add_event_listener_with_callback("dragover", over.as_ref().unchecked_ref()));
    drop(window.add_event_listener_with_callback("drop", dropped.as_ref().unchecked_ref()));
    // Files can be dropped as long as the page is there.
    over.forget();
    dropped.forget();
}

/// Puts `text` on the clipboard. Where the browser refuses, nothing happens: the text is also shown to be copied by hand.
pub fn copy(text: &str) {
    drop(window().navigator().clipboard().write_text(text));
}
