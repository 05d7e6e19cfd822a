//! What must hold in the browser exactly as it does natively: each test here runs in both, by `cargo test` and by
//! `wasm-pack test --headless --chrome`, against the same constants.

#![cfg(test)]

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

use kubarium::sim::{Rng, digest_of};

#[path = "../support/figures.rs"]
mod figures;
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

/// `make bench` asks for the figures, in the profile that a page is shipped in; elsewhere the same is done with less.
#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test)]
#[cfg_attr(not(target_arch = "wasm32"), test)]
fn what_is_measured_works_everywhere() {
    let all = option_env!("KUBARIUM_BENCH").is_some();
    let say = |words: String| {
        #[cfg(target_arch = "wasm32")]
        wasm_bindgen_test::console_log!("{words}");
        #[cfg(not(target_arch = "wasm32"))]
        println!("{words}");
    };
    let line =
        |taken: f64, limit: &str, what: &str| say(format!("{:>12} {limit:>12}  {what}", format!("{taken:.1}ms")));
    line(figures::boot(clock), "20ms", "boot of a 3-node cluster, the first time");
    line(figures::boot(clock), "20ms", "boot of a 3-node cluster");
    let pods = if all { 100 } else { 5 };
    line(figures::get_pods(clock, pods), "5ms", &format!("kubectl get pods on a 3-node cluster with {pods} pods"));
    let (pods, nodes) = if all { (1_000, 20) } else { (10, 2) };
    let (_, taken) = figures::ready(clock, pods, nodes);
    line(taken, "1000ms", &format!("{pods} pods on {nodes} nodes, apply -> all Ready"));
    let rate = figures::packets_a_second(clock, if all { 100_000 } else { 1_000 });
    say(format!("{rate:>10.0}/s      80000/s  packets a second through the ten steps"));
}

#[cfg(target_arch = "wasm32")]
fn clock() -> f64 {
    js_sys::Date::now()
}

#[cfg(not(target_arch = "wasm32"))]
#[allow(clippy::disallowed_types, reason = "measuring needs a clock")]
fn clock() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("a clock that was set").as_secs_f64() * 1_000.0
}
