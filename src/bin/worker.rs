//! Hosts the core in a Web Worker; does nothing elsewhere. It says that it is ready before it can be spoken to.

#[cfg(not(target_arch = "wasm32"))]
fn main() {}

#[cfg(target_arch = "wasm32")]
fn main() {
    use wasm_bindgen::{JsCast, JsValue};

    console_error_panic_hook::set_once();
    let scope: web_sys::DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    scope
        .post_message(&JsValue::from_str("ready"))
        .expect("a string can be posted to the page that started this worker");
}
