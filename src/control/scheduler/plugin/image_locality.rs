//! ImageLocality: nodes that have the pod's images already are better, the more so the larger the images.
//! Models `plugins/imagelocality/image_locality.go`.

use crate::control::scheduler::framework::{CycleState, MAX_SCORE, Plugin};
use crate::control::scheduler::snapshot::{NodeInfo, PodInfo, Snapshot, normalised};

const MIB: i64 = 1024 * 1024;
const MIN: i64 = 23 * MIB;
const MAX_PER_CONTAINER: i64 = 1_000 * MIB;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct ImageLocality;

impl Plugin for ImageLocality {
    fn name(&self) -> &'static str {
        "ImageLocality"
    }

    fn scores(&self, _: &PodInfo) -> bool {
        true
    }

    fn score(&self, pod: &PodInfo, node: &NodeInfo, nodes: &Snapshot, _: &CycleState) -> i64 {
        let spec = &pod.pod.spec;
        let containers = spec.init_containers.iter().chain(&spec.containers);
        let count = i64::try_from(containers.clone().count()).unwrap_or(i64::MAX);
        let total = i128::try_from(nodes.len().max(1)).unwrap_or(1);
        // An image that few nodes have counts less: else its nodes would draw all pods.
        let spread = |image: &str| {
            let image = normalised(image);
            let size = node.images.get(&*image).copied().unwrap_or(0);
            i64::try_from(i128::from(size) * i128::from(nodes.nodes_with_image(&image)) / total).unwrap_or(0)
        };
        let volumes = spec.volumes.iter().filter_map(|volume| volume.rest.get("image")?.get("reference")?.as_str());
        let images = containers.map(|container| container.image.as_str()).chain(volumes);
        let sum: i64 = images.map(spread).sum();
        let max = MAX_PER_CONTAINER.saturating_mul(count.max(1));
        MAX_SCORE * (sum.clamp(MIN, max) - MIN) / (max - MIN)
    }
}
