//! Files to the learner's disk, text to the clipboard.

use leptos::prelude::{document, window};
use wasm_bindgen::JsCast;

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

/// Puts `text` on the clipboard. Where the browser refuses, nothing happens: the text is also shown to be copied by hand.
pub fn copy(text: &str) {
    drop(window().navigator().clipboard().write_text(text));
}
