//! The workloads of the picture: whatever keeps pods, with how many it should keep and its generations.

use crate::api::{Kind, Object, ObjectMeta, PodTemplateSpec};
use crate::cluster::Cluster;
use crate::session::build::cluster::owner_of;
use crate::session::build::generations::Generations;
use crate::session::build::object_ref;
use crate::view::WorkloadView;

/// The kinds that keep pods, or make what does.
const KEEPERS: [Kind; 7] = [
    Kind::CronJob,
    Kind::DaemonSet,
    Kind::Deployment,
    Kind::Job,
    Kind::ReplicaSet,
    Kind::ReplicationController,
    Kind::StatefulSet,
];

/// All of them.
pub fn workloads(cluster: &Cluster, generations: &Generations) -> Vec<WorkloadView> {
    KEEPERS.iter().flat_map(|kind| cluster.objects(*kind)).filter_map(|object| view(object, generations)).collect()
}

fn view(object: &Object, generations: &Generations) -> Option<WorkloadView> {
    let of = |template: Option<&PodTemplateSpec>, counts: [i32; 4]| {
        let [desired, current, ready, updated] = counts.map(|n| u32::try_from(n).unwrap_or(0));
        let meta: &ObjectMeta = object.meta();
        let containers = template.into_iter().flat_map(|template| &template.spec.containers);
        WorkloadView {
            object: object_ref(&object.reference()),
            owner: owner_of(meta),
            desired,
            current,
            ready,
            updated,
            images: containers.map(|container| container.image.clone()).collect(),
            generations: generations.of_workload(meta),
        }
    };
    Some(match object {
        Object::Deployment(d) => {
            let s = &d.status;
            of(Some(&d.spec.template), [d.spec.replicas, s.replicas, s.ready_replicas, s.updated_replicas])
        }
        Object::ReplicaSet(r) => {
            let s = &r.status;
            of(Some(&r.spec.template), [r.spec.replicas, s.replicas, s.ready_replicas, s.replicas])
        }
        Object::ReplicationController(r) => {
            let s = &r.status;
            of(Some(&r.spec.template), [r.spec.replicas, s.replicas, s.ready_replicas, s.replicas])
        }
        Object::StatefulSet(d) => {
            let s = &d.status;
            of(Some(&d.spec.template), [d.spec.replicas, s.replicas, s.ready_replicas, s.updated_replicas])
        }
        Object::DaemonSet(d) => {
            let s = &d.status;
            let counts =
                [s.desired_number_scheduled, s.current_number_scheduled, s.number_ready, s.updated_number_scheduled];
            of(Some(&d.spec.template), counts)
        }
        Object::Job(j) => {
            let wanted = j.spec.completions.or(j.spec.parallelism).unwrap_or(1);
            of(Some(&j.spec.template), [wanted, j.status.active, j.status.succeeded, j.status.active])
        }
        Object::CronJob(c) => of(None, [0, i32::try_from(c.status.active.len()).unwrap_or(0), 0, 0]),
        _ => return None,
    })
}
