//! StatefulSets, DaemonSets, Jobs, CronJobs and their pods and claims, through the whole control plane.

use super::World;
use crate::api::{
    Body, ControllerRevision, CronJob, DaemonSet, Event, Job, Kind, Object, PersistentVolume, PersistentVolumeClaim,
    Pod, Request, StatefulSet,
};
use crate::sim::Span;
use serde_json::{Value, json};

fn template(app: &str) -> Value {
    json!({"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "c", "image": "nginx:1.25"}]}})
}

fn stateful_set(replicas: i32, more: Value) -> Value {
    let mut spec = json!({
        "serviceName": "ss", "replicas": replicas, "selector": {"matchLabels": {"app": "ss"}}, "template": template("ss"),
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    json!({"metadata": {"name": "ss", "namespace": "default"}, "spec": spec})
}

fn names(world: &mut World) -> Vec<String> {
    world.pods().iter().map(|pod| pod.metadata.name.clone()).collect()
}

fn image(image: &str) -> Value {
    json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}})
}

#[test]
fn a_stateful_set_makes_its_pods_in_order_and_deletes_them_in_the_opposite_order() {
    let mut world = World::new(3);
    world.ready = false;
    world.make(Kind::StatefulSet, stateful_set(3, json!({})));
    world.run(Span::secs(5));
    assert_eq!(names(&mut world), ["ss-0"], "the second waits for the first to be ready");
    world.ready = true;
    world.delete(Kind::Pod, "ss-0");
    world.run(Span::secs(10));
    assert_eq!(names(&mut world), ["ss-0", "ss-1", "ss-2"]);
    let set = world.list::<StatefulSet>()[0].clone();
    assert_eq!((set.status.ready_replicas, set.status.current_replicas, set.status.updated_replicas), (3, 3, 3));
    assert_eq!(set.status.current_revision, set.status.update_revision);
    world.patch(Kind::StatefulSet, "ss", json!({"spec": {"replicas": 1}}));
    world.run(Span::secs(10));
    assert_eq!(names(&mut world), ["ss-0"]);
    let events = world.events("StatefulSet");
    let deleted: Vec<&String> = events.iter().filter(|event| event.starts_with("SuccessfulDelete")).collect();
    assert_eq!(
        deleted,
        [
            "SuccessfulDelete Delete Pod ss-2 in StatefulSet ss successful",
            "SuccessfulDelete Delete Pod ss-1 in StatefulSet ss successful",
        ]
    );
}

#[test]
fn a_rolling_update_stops_at_the_partition_and_an_undone_one_takes_its_old_revision_again() {
    let mut world = World::new(3);
    world.make(Kind::StatefulSet, stateful_set(3, json!({"podManagementPolicy": "Parallel"})));
    world.run(Span::secs(5));
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}});
    world.patch(Kind::StatefulSet, "ss", json!({"spec": {"updateStrategy": strategy}}));
    world.patch(Kind::StatefulSet, "ss", image("nginx:1.26"));
    world.run(Span::secs(10));
    let images = |world: &mut World| -> Vec<String> {
        world.pods().iter().map(|pod| pod.spec.containers[0].image.clone()).collect()
    };
    assert_eq!(images(&mut world), ["nginx:1.25", "nginx:1.25", "nginx:1.26"]);
    let numbers = |world: &mut World| -> Vec<i64> {
        let mut numbers: Vec<i64> = world.list::<ControllerRevision>().iter().map(|r| r.revision).collect();
        numbers.sort_unstable();
        numbers
    };
    assert_eq!(numbers(&mut world), [1, 2]);
    world.patch(Kind::StatefulSet, "ss", image("nginx:1.25"));
    world.run(Span::secs(10));
    assert_eq!(images(&mut world), ["nginx:1.25", "nginx:1.25", "nginx:1.25"]);
    assert_eq!(numbers(&mut world), [2, 3]);
}

#[test]
fn the_claims_of_a_stateful_set_outlive_its_pods_and_get_volumes_where_the_pods_are() {
    let mut world = World::new(2);
    world.make(
        Kind::StorageClass,
        json!({
            "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            "provisioner": "rancher.io/local-path", "volumeBindingMode": "WaitForFirstConsumer",
        }),
    );
    let claim = json!({
        "metadata": {"name": "www"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    });
    world.make(Kind::StatefulSet, stateful_set(2, json!({"volumeClaimTemplates": [claim]})));
    world.run(Span::secs(10));
    assert_eq!(names(&mut world), ["ss-0", "ss-1"]);
    let claims = world.list::<PersistentVolumeClaim>();
    let told: Vec<(&str, &str)> = claims.iter().map(|c| (c.metadata.name.as_str(), c.status.phase.as_str())).collect();
    assert_eq!(told, [("www-ss-0", "Bound"), ("www-ss-1", "Bound")]);
    for volume in world.list::<PersistentVolume>() {
        assert_eq!(volume.status.phase, "Bound");
        assert!(volume.spec.node_affinity.is_some());
    }
    world.patch(Kind::StatefulSet, "ss", json!({"spec": {"replicas": 0}}));
    world.run(Span::secs(10));
    assert_eq!(world.list::<PersistentVolumeClaim>().len(), 2, "claims stay");
    world.delete(Kind::PersistentVolumeClaim, "www-ss-0");
    world.run(Span::secs(10));
    assert_eq!(world.list::<PersistentVolumeClaim>().len(), 1);
    assert_eq!(world.list::<PersistentVolume>().len(), 1, "the volume of a deleted claim is deleted");
}

#[test]
fn a_claim_without_a_class_or_a_volume_says_what_it_waits_for() {
    let mut world = World::new(1);
    let spec = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    world.make(Kind::PersistentVolumeClaim, json!({"metadata": {"name": "c", "namespace": "default"}, "spec": spec}));
    world.run(Span::secs(2));
    let words = "FailedBinding no persistent volumes available for this claim and no storage class is set";
    assert_eq!(world.events("PersistentVolumeClaim"), [words]);
    world.run(Span::secs(31));
    let told = world.list::<Event>();
    let told = told.iter().find(|event| event.involved_object.kind == "PersistentVolumeClaim");
    assert_eq!(told.map(|event| event.count), Some(3), "all claims are looked at every fifteen seconds");
    for (name, size) in [("large", "5Gi"), ("small", "1Gi")] {
        let volume =
            json!({"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}});
        world.make(Kind::PersistentVolume, json!({"metadata": {"name": name}, "spec": volume}));
    }
    world.run(Span::secs(2));
    let claim = world.list::<PersistentVolumeClaim>()[0].clone();
    assert_eq!((claim.status.phase.as_str(), claim.spec.volume_name.is_empty()), ("Bound", false));
}

#[test]
fn a_daemon_set_has_a_pod_on_every_node_and_replaces_them_one_by_one() {
    let mut world = World::new(3);
    let spec = json!({"selector": {"matchLabels": {"app": "ds"}}, "template": template("ds")});
    world.make(Kind::DaemonSet, json!({"metadata": {"name": "ds", "namespace": "default"}, "spec": spec}));
    world.run(Span::secs(5));
    let status = |world: &mut World| world.list::<DaemonSet>()[0].status.clone();
    assert_eq!(status(&mut world).number_available, 3);
    world.join("node4");
    world.run(Span::secs(5));
    assert_eq!(status(&mut world).number_available, 4, "a node that joins gets one");
    world.patch(Kind::DaemonSet, "ds", image("nginx:1.26"));
    for _ in 0..500 {
        world.run(Span::millis(10));
        let available = world.pods().iter().filter(|pod| crate::control::controller::pods::is_ready(pod)).count();
        assert!(available >= 3, "{available} available pods are too few");
    }
    assert_eq!(status(&mut world).updated_number_scheduled, 4);
    assert!(world.pods().iter().all(|pod| pod.spec.containers[0].image == "nginx:1.26"));
    world.delete(Kind::DaemonSet, "ds");
    world.run(Span::secs(5));
    assert_eq!(names(&mut world), [""; 0]);
}

/// A pod's containers end.
fn end(world: &mut World, pod: &Pod, phase: &str) {
    let now = crate::control::Calendar::new(super::EPOCH).timestamp(world.now);
    let mut ended = pod.clone();
    ended.status.phase = phase.into();
    let code = i32::from(phase == "Failed");
    let state = json!({"terminated": {"exitCode": code, "finishedAt": now}});
    ended.status.conditions.retain(|condition| condition.r#type != "Ready");
    ended.status.container_statuses = serde_json::from_value(json!([{"name": "c", "state": state}])).expect("a status");
    let mut request = Request::update_status(ended);
    if let Body::Object(object) = &mut request.body {
        object.meta_mut().resource_version = None;
    }
    world.call(request);
}

fn job(spec: Value) -> Value {
    let mut value = json!({"metadata": {"name": "j", "namespace": "default"}, "spec": spec});
    value["spec"]["template"] =
        json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox"}]}});
    value
}

fn end_all(world: &mut World, phase: &str) {
    for pod in world.pods().iter().filter(|pod| pod.status.phase == "Running") {
        end(world, pod, phase);
    }
}

fn conditions(world: &mut World) -> Vec<String> {
    let job = world.list::<Job>()[0].clone();
    job.status.conditions.iter().map(|c| format!("{} {}", c.r#type, c.reason)).collect()
}

#[test]
fn a_job_runs_its_pods_to_their_end() {
    let mut world = World::new(2);
    world.make(Kind::Job, job(json!({"completions": 3, "parallelism": 2})));
    world.run(Span::secs(3));
    assert_eq!(world.pods().len(), 2);
    end_all(&mut world, "Succeeded");
    world.run(Span::secs(5));
    assert_eq!(world.pods().len(), 3);
    end_all(&mut world, "Succeeded");
    world.run(Span::secs(5));
    assert_eq!(conditions(&mut world), ["SuccessCriteriaMet CompletionsReached", "Complete CompletionsReached"]);
    let status = world.list::<Job>()[0].status.clone();
    assert_eq!((status.succeeded, status.active, status.ready), (3, 0, Some(0)));
    assert!(world.pods().iter().all(|pod| pod.metadata.finalizers.is_empty()), "every pod is counted");
    assert_eq!(world.events("Job").last().map(String::as_str), Some("Completed Job completed"));
    world.delete(Kind::Job, "j");
    world.run(Span::secs(5));
    assert_eq!(names(&mut world), [""; 0]);
}

#[test]
fn a_job_that_fails_waits_longer_and_longer_and_gives_up() {
    let mut world = World::new(1);
    world.make(Kind::Job, job(json!({"backoffLimit": 1})));
    world.run(Span::secs(3));
    end_all(&mut world, "Failed");
    world.run(Span::secs(8));
    assert_eq!(world.pods().len(), 1, "the next pod comes 10 s after the failure");
    world.run(Span::secs(5));
    assert_eq!(world.pods().len(), 2);
    end_all(&mut world, "Failed");
    world.run(Span::secs(5));
    assert_eq!(conditions(&mut world), ["FailureTarget BackoffLimitExceeded", "Failed BackoffLimitExceeded"]);
    let events = world.events("Job");
    let last = "BackoffLimitExceeded Job has reached the specified backoff limit";
    assert_eq!(events.last().map(String::as_str), Some(last));
    assert_eq!(world.list::<Job>()[0].status.failed, 2);
}

#[test]
fn an_indexed_job_gives_each_index_a_pod() {
    let mut world = World::new(1);
    world.make(Kind::Job, job(json!({"completions": 3, "parallelism": 3, "completionMode": "Indexed"})));
    world.run(Span::secs(3));
    let hosts: Vec<String> = world.pods().iter().map(|pod| pod.spec.hostname.clone()).collect();
    assert_eq!(hosts, ["j-0", "j-1", "j-2"]);
    end_all(&mut world, "Succeeded");
    world.run(Span::secs(5));
    assert_eq!(world.list::<Job>()[0].status.completed_indexes, "0-2");
}

#[test]
fn a_job_ends_at_its_deadline_and_goes_after_its_time() {
    let mut world = World::new(1);
    world.make(Kind::Job, job(json!({"activeDeadlineSeconds": 5, "ttlSecondsAfterFinished": 30})));
    world.run(Span::secs(15));
    assert_eq!(conditions(&mut world), ["FailureTarget DeadlineExceeded", "Failed DeadlineExceeded"]);
    world.run(Span::secs(40));
    assert!(world.list::<Job>().is_empty());
}

#[test]
fn a_cron_job_makes_jobs_on_the_minute_and_keeps_three() {
    let mut world = World::new(1);
    let template = json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox"}]}});
    let spec = json!({"schedule": "*/1 * * * *", "jobTemplate": {"spec": {"template": template}}});
    world.make(Kind::CronJob, json!({"metadata": {"name": "tick", "namespace": "default"}, "spec": spec}));
    for _ in 0..5 {
        world.run(Span::secs(60));
        end_all(&mut world, "Succeeded");
    }
    world.run(Span::secs(10));
    let jobs = world.list::<Job>();
    assert_eq!(jobs.len(), 3);
    let minutes = super::EPOCH.0 / 60;
    assert_eq!(jobs[0].metadata.name, format!("tick-{}", minutes + 3));
    let status = world.list::<CronJob>()[0].status.clone();
    assert!(status.active.is_empty() && status.last_successful_time.is_some());
    let events = world.events("CronJob");
    assert_eq!(events[0], format!("SuccessfulCreate Created job tick-{}", minutes + 1));
    assert_eq!(events[1], format!("SawCompletedJob Saw completed job: tick-{}, condition: Complete", minutes + 1));
    assert!(!events.iter().any(|event| event.starts_with("UnexpectedJob")), "{events:?}");
}

#[test]
fn a_pod_of_high_priority_takes_the_place_of_others() {
    let mut world = World::new(1);
    let pod = |name: &str, class: &str| {
        let container = json!({"name": "c", "image": "x", "resources": {"requests": {"cpu": "3"}}});
        json!({
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"containers": [container], "priorityClassName": class},
        })
    };
    world.make(Kind::Pod, pod("low", ""));
    world.run(Span::secs(3));
    let high: Object = world.make(Kind::Pod, pod("high", "system-cluster-critical"));
    world.run(Span::secs(10));
    assert_eq!(names(&mut world), ["high"]);
    let events = world.events("Pod");
    let told = format!("Preempted Preempted by pod {} on node node1", high.uid());
    assert!(events.contains(&told), "{events:?}");
    assert!(events.contains(&"FailedScheduling 0/1 nodes are available: 1 Insufficient cpu.".to_owned()), "{events:?}");
}
