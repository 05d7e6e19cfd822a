//! Hosts the core in a Web Worker; does nothing elsewhere.
//!
//! It first posts an empty list of updates, which says that it can be spoken to. A panic stops it for good: the page hears
//! of it as an error of the worker and offers a way on. Its global `busy_ms` is the wall-clock time spent on requests so far,
//! for whoever measures (`make bench`).

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

#[cfg(not(target_arch = "wasm32"))]
fn main() {}

#[cfg(target_arch = "wasm32")]
fn main() {
    use kubarium::session::Session;
    use kubarium::session::protocol::{Update, decode, encode};
    use wasm_bindgen::closure::Closure;
    use wasm_bindgen::{JsCast, JsValue};
    use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

    console_error_panic_hook::set_once();
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let page = scope.clone();
    let post = move |updates: Vec<Update>| {
        let frame = js_sys::Uint8Array::from(encode(&updates).as_slice());
        page.post_message(&JsValue::from(frame)).expect("bytes can always be posted");
    };
    post(Vec::new());
    let clock = scope.performance().expect("a worker has a clock");
    let (mut session, mut busy_ms) = (Session::new(), 0.0);
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let began = clock.now();
        let frame = js_sys::Uint8Array::new(&event.data()).to_vec();
        match decode(&frame) {
            Ok(request) => post(session.handle(request)),
            Err(error) => panic!("the page sent what cannot be read: {error:?}"),
        }
        busy_ms += clock.now() - began;
        js_sys::Reflect::set(&js_sys::global(), &"busy_ms".into(), &JsValue::from(busy_ms))
            .expect("a global can be set");
    });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
}
