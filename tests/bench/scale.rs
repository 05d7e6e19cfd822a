//! From `kubectl create deployment` to every pod Ready, through the whole control plane, at growing sizes: the time it took and
//! the memory that the process held at most meanwhile.
//!
//! The largest is the published limit of Kubernetes. A row runs when its words contain the name given, the largest only when it
//! is named: it takes minutes.

use std::time::Duration;

use super::pods_on_nodes;

/// Pods, nodes, and the budget, where the design has one.
const SIZES: [(u32, u32, Option<Duration>); 5] = [
    (100, 20, None),
    (1_000, 20, None),
    (10_000, 334, None),
    (30_000, 1_000, None),
    (150_000, 5_000, Some(Duration::from_secs(30))),
];

/// Prints the rows whose name contains `wanted`.
pub fn print(wanted: &str) {
    println!("{:>12} {:>12}  pods on nodes, apply -> all Ready", "boot", "pods");
    for (pods, nodes, limit) in SIZES {
        let name = format!("scale {pods} pods on {nodes} nodes");
        let is_large = pods > 10_000;
        if !name.contains(wanted) || is_large && wanted.is_empty() {
            continue;
        }
        // The peak begins anew; where the system does not let it, it is that of everything measured so far.
        _ = std::fs::write("/proc/self/clear_refs", "5");
        let (boot, ready) = pods_on_nodes(pods, nodes);
        let budget = limit.map_or(String::new(), |limit| format!(" (budget {limit:.0?} and 2 GiB)"));
        println!(
            "{:>12} {:>12}  {name}; at most {} MiB{budget}",
            format!("{boot:.2?}"),
            format!("{ready:.2?}"),
            peak_mebibytes()
        );
    }
}

/// The most memory that this process has held since the peak began anew.
fn peak_mebibytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}
