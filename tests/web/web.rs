//! What must hold in the browser exactly as it does natively: each test here runs in both, by `cargo test` and by
//! `wasm-pack test --headless --chrome`, against the same constants.

#![cfg(test)]

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

use kubarium::sim::{Rng, digest_of};

#[path = "../support/script.rs"]
mod script;

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test_configure!(run_in_browser);

#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test)]
#[cfg_attr(not(target_arch = "wasm32"), test)]
fn a_seeded_stream_gives_the_same_numbers_everywhere() {
    let mut stream = Rng::stream(7, "web");
    let drawn: Vec<u64> = (0..4).map(|_| stream.next_u64()).collect();
    assert_eq!(digest_of(&drawn).to_string(), "f1d0c16a18318c81", "{drawn:?}");
}

#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test)]
#[cfg_attr(not(target_arch = "wasm32"), test)]
fn a_digest_is_the_same_everywhere() {
    let value = (vec!["pods/default/web-0", "pods/default/web-1"], 7_u64, Some(-1_i32), [1_u8, 2, 3]);
    assert_eq!(digest_of(&value).to_string(), "a872f609e8c56481");
}

#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test)]
#[cfg_attr(not(target_arch = "wasm32"), test)]
fn a_script_ends_in_the_same_world_everywhere() {
    let digest = script::digest(include_str!("../data/digest.script"));
    assert_eq!(digest, include_str!("../data/digest.txt").trim(), "see tests/determinism.rs");
}
