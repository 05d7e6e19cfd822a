//! The kubelet and the runtime together, against what a real kubelet was seen to do.

use crate::api::{Kind, Object, WatchEventType};
use crate::node::harness::Bench;
use crate::sim::Span;

/// What `kubectl get pod` shows of a pod: ready containers, the word, restarts.
fn shown(bench: &Bench, name: &str) -> String {
    let pod = bench.get(name);
    let all = &pod.status.container_statuses;
    let ready = all.iter().filter(|s| s.ready).count();
    let restarts: i32 = all.iter().map(|s| s.restart_count).sum();
    let word = (pod.status.init_container_statuses.iter().chain(all))
        .filter_map(|s| {
            let waiting = s.state.waiting.as_ref().map(|w| w.reason.clone());
            waiting.or_else(|| s.state.terminated.as_ref().filter(|t| t.exit_code != 0).map(|t| t.reason.clone()))
        })
        .next();
    format!("{ready}/{} {} {} {restarts}", all.len(), pod.status.phase, word.unwrap_or_default())
}

fn check(yaml: &str, steps: &[(u64, &str)]) -> Bench {
    let mut bench = Bench::new(Span::secs(2));
    bench.run(Span::secs(1));
    bench.pod(&format!("metadata: {{name: p}}\nspec: {{{yaml}}}"));
    let mut at = 0;
    for (until, want) in steps {
        bench.run(Span::secs(until - at));
        at = *until;
        assert_eq!(shown(&bench, "p"), *want, "after {until} s: {:#?}", bench.events("p"));
    }
    bench
}

#[test]
fn a_pod_becomes_ready_with_an_address_and_its_events() {
    let bench = check(
        "containers: [{name: c, image: 'nginx:1.25'}]",
        &[(1, "0/1 Pending ContainerCreating 0"), (5, "1/1 Running  0")],
    );
    let pod = bench.get("p");
    assert_eq!(pod.status.pod_ip, "10.244.1.2");
    assert_eq!(pod.status.host_ip, "192.168.0.11");
    assert!(pod.status.conditions.iter().all(|c| c.status == "True"), "{:?}", pod.status.conditions);
    assert_eq!(
        bench.events("p"),
        [
            "Pulling Pulling image \"nginx:1.25\" x1",
            "Pulled Successfully pulled image \"nginx:1.25\" in 2s (2s including waiting). Image size: 72188133 bytes. x1",
            "Created Container created x1",
            "Started Container started x1",
        ]
    );
}

#[test]
fn a_deleted_pod_is_stopped_and_then_removed() {
    let mut bench = check("containers: [{name: c, image: 'nginx:1.25'}]", &[(5, "1/1 Running  0")]);
    bench.delete("p");
    bench.run(Span::secs(3));
    assert!(bench.find("p").is_none(), "{:?}", bench.get("p").status);
    assert_eq!(bench.events("p").last().map(String::as_str), Some("Killing Stopping container c x1"));
    assert_eq!(bench.runtime.sandboxes().count(), 0);
    assert_eq!(bench.runtime.processes().count(), 0);
}

#[test]
fn a_first_process_that_ignores_sigterm_is_killed_after_the_grace() {
    let yaml = "terminationGracePeriodSeconds: 5, containers: [{name: c, image: busybox, command: [sleep, '3600']}]";
    let mut bench = check(yaml, &[(5, "1/1 Running  0")]);
    bench.delete("p");
    bench.run(Span::secs(4));
    assert!(bench.find("p").is_some());
    bench.run(Span::secs(3));
    assert!(bench.find("p").is_none());
}

#[test]
fn an_image_that_is_not_there_is_tried_again_ever_more_slowly() {
    let bench = check(
        "containers: [{name: c, image: 'nosuch:1'}]",
        &[(4, "0/1 Pending ErrImagePull 0"), (60, "0/1 Pending ErrImagePull 0")],
    );
    let events = bench.events("p");
    let words = "Failed Failed to pull image \"nosuch:1\": rpc error: code = NotFound desc = failed to pull and unpack image \"nosuch:1\": failed to resolve reference \"nosuch:1\": nosuch:1: not found";
    assert!(events.iter().any(|e| e.starts_with(words)), "{events:#?}");
    assert!(events.iter().any(|e| e.starts_with("BackOff Back-off pulling image \"nosuch:1\"")), "{events:#?}");
}

#[test]
fn an_image_name_that_is_none_and_a_pull_policy_of_never_are_refused() {
    check("containers: [{name: c, image: 'Not A Valid Image'}]", &[(3, "0/1 Pending InvalidImageName 0")]);
    check(
        "containers: [{name: c, image: 'private/x:1', imagePullPolicy: Never}]",
        &[(3, "0/1 Pending ErrImageNeverPull 0")],
    );
}

#[test]
fn a_command_that_is_not_there_fails_to_start() {
    let bench = check(
        "containers: [{name: c, image: 'busybox:1.36', command: [foo]}]",
        &[(5, "0/1 Running RunContainerError 1")],
    );
    let words = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: \"foo\": executable file not found in $PATH: unknown";
    assert!(bench.events("p").contains(&format!("Failed Error: {words} x2")), "{:#?}", bench.events("p"));
}

#[test]
fn a_missing_configmap_keeps_a_container_from_being_made_and_a_missing_secret_a_volume_from_being_mounted() {
    let bench = check(
        "containers: [{name: c, image: 'nginx:1', envFrom: [{configMapRef: {name: nope}}]}]",
        &[(8, "0/1 Pending CreateContainerConfigError 0")],
    );
    assert!(bench.events("p").iter().any(|e| e.starts_with("Failed Error: configmap \"nope\" not found x")));
    let bench = check(
        "containers: [{name: c, image: 'nginx:1'}], volumes: [{name: v, secret: {secretName: nope}}]",
        &[(59, "0/1 Pending ContainerCreating 0")],
    );
    assert_eq!(
        bench.events("p"),
        ["FailedMount MountVolume.SetUp failed for volume \"v\" : secret \"nope\" not found x7"]
    );
}

#[test]
fn init_containers_run_in_order_before_the_others() {
    let yaml = "initContainers: [{name: a, image: 'busybox:1', command: [sleep, '3']}, {name: b, image: 'busybox:1', command: [sleep, '3']}], containers: [{name: c, image: 'nginx:1'}]";
    check(yaml, &[(5, "0/1 Pending PodInitializing 0"), (16, "1/1 Running  0")]);
}

#[test]
fn a_container_that_keeps_ending_is_started_ever_more_slowly() {
    let yaml = "containers: [{name: c, image: 'busybox:1.36', command: [sleep, '2']}]";
    let mut bench = Bench::new(Span::ZERO);
    bench.run(Span::secs(1));
    bench.pod(&format!("metadata: {{name: p}}\nspec: {{{yaml}}}"));
    bench.run(Span::secs(340));
    let mut restarts: Vec<u64> = Vec::new();
    for (at, _, status) in &bench.history {
        let count = status.container_statuses[0].restart_count;
        if usize::try_from(count).expect("small") > restarts.len() {
            restarts.push(at.as_secs() - 1);
        }
    }
    // Recorded from a real kubelet: 3.97, 17.5, 40.5, 85.5, 170.5, 333.5 s; each may come up to half a back-off later.
    let recorded = [3_u64, 17, 40, 85, 170, 333];
    assert!(restarts.len() >= 5, "{restarts:?}");
    for (got, want) in restarts.iter().zip(recorded) {
        assert!(got.abs_diff(want) <= 2 + want / 2, "{restarts:?}");
    }
    let name = "Back-off restarting failed container c in pod p_default(uid-p)";
    assert!(bench.events("p").iter().any(|e| e.starts_with(&format!("BackOff {name}"))));
    let waits = bench.history.iter().filter_map(|(_, _, s)| s.container_statuses[0].state.waiting.clone());
    let messages: Vec<String> = waits.map(|w| w.message).filter(|m| !m.is_empty()).collect();
    assert_eq!(
        messages.first().map(String::as_str),
        Some("back-off 10s restarting failed container=c pod=p_default(uid-p)")
    );
}

#[test]
fn a_pod_that_ends_well_or_badly_for_good_has_succeeded_or_failed() {
    let bench = check(
        "restartPolicy: Never, containers: [{name: c, image: 'busybox:1', command: [sleep, '1']}]",
        &[(8, "0/1 Succeeded  0")],
    );
    let pod = bench.get("p");
    let conditions: Vec<String> =
        pod.status.conditions.iter().map(|c| format!("{}={}:{}", c.r#type, c.status, c.reason)).collect();
    assert_eq!(
        conditions,
        [
            "PodReadyToStartContainers=False:",
            "Initialized=True:PodCompleted",
            "Ready=False:PodCompleted",
            "ContainersReady=False:PodCompleted",
            "PodScheduled=True:"
        ]
    );
}

#[test]
fn a_pod_past_its_deadline_fails() {
    let bench = check(
        "activeDeadlineSeconds: 8, containers: [{name: c, image: 'nginx:1'}]",
        &[(6, "1/1 Running  0"), (12, "0/1 Failed  0")],
    );
    assert_eq!(bench.get("p").status.reason, "DeadlineExceeded");
    let words = "DeadlineExceeded Pod was active on the node longer than the specified deadline x4";
    assert!(bench.events("p").contains(&words.to_owned()), "{:#?}", bench.events("p"));
}

#[test]
fn the_node_registers_and_is_ready_once_the_network_is() {
    let mut bench = Bench::new(Span::ZERO);
    bench.run(Span::secs(35));
    let node = bench.objects.values().find_map(|o| o.get::<crate::api::Node>()).expect("the node is registered");
    let ready = node.status.conditions.iter().find(|c| c.r#type == "Ready").expect("it has the condition");
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("True", "KubeletReady"));
    let lease = bench.objects.values().find_map(|o| o.get::<crate::api::Lease>()).expect("the lease is there");
    assert_eq!(lease.spec.renew_time.map(|t| t.to_string()).as_deref(), Some("2026-01-01T00:00:30.000000Z"));
    let events = bench.events("worker1");
    assert!(events.contains(&"NodeReady Node worker1 status is now: NodeReady x1".to_owned()), "{events:#?}");
}

#[test]
fn a_command_runs_in_a_container_and_its_log_is_read() {
    let mut bench = check(
        "containers: [{name: c, image: 'busybox:1.36', command: [sh, -c, 'echo hi; echo $WHO; sleep 3600'], env: [{name: WHO, value: me}]}]",
        &[(5, "1/1 Running  0")],
    );
    assert_eq!(bench.logs("p", "c", false), "hi\nme\n");
    assert_eq!(bench.exec("p", &["hostname"]), ("p\n".into(), String::new(), Some(0)));
    assert_eq!(
        bench.exec("p", &["sh", "-c", "echo out; echo err >&2; exit 3"]),
        ("out\n".into(), "err\n".into(), Some(3))
    );
    let (_, err, _) = bench.exec("p", &["foo"]);
    assert!(err.contains("OCI runtime exec failed: exec failed: unable to start container process: exec: \"foo\": executable file not found in $PATH: unknown"), "{err}");
    let resolv =
        "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n";
    assert_eq!(bench.exec("p", &["cat", "/etc/resolv.conf"]).0, resolv);
    assert!(bench.exec("p", &["cat", "/etc/hosts"]).0.ends_with("10.244.1.2\tp\n"));
    assert_eq!(bench.exec("p", &["ip", "route"]).0, "answer to busybox ip route\n");
    assert_eq!(bench.node("ip route | head -n 1; hostname").0, "answer to ip route\nworker1\n");
}

#[test]
fn a_failed_liveness_probe_restarts_the_container() {
    let yaml = "containers: [{name: c, image: 'busybox:1.36', command: [sh, -c, 'trap \"exit 0\" TERM; touch /tmp/healthy; sleep 8; rm /tmp/healthy; while true; do sleep 1; done'], livenessProbe: {exec: {command: [cat, /tmp/healthy]}, initialDelaySeconds: 5, periodSeconds: 5}}]";
    let bench = check(yaml, &[(10, "1/1 Running  0"), (35, "1/1 Running  1")]);
    let events = bench.events("p");
    let unhealthy = "Unhealthy Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory\n x";
    assert!(events.iter().any(|e| e.starts_with(unhealthy)), "{events:#?}");
    assert!(
        events.contains(&"Killing Container c failed liveness probe, will be restarted x1".to_owned()),
        "{events:#?}"
    );
}

#[test]
fn a_readiness_probe_makes_a_pod_ready_and_unready() {
    let yaml = "containers: [{name: c, image: 'busybox:1.36', command: [sh, -c, 'sleep 10; touch /tmp/ok; sleep 3600'], readinessProbe: {exec: {command: [test, -f, /tmp/ok]}, periodSeconds: 2}}]";
    let mut bench = check(yaml, &[(6, "0/1 Running  0"), (20, "1/1 Running  0")]);
    bench.exec("p", &["rm", "/tmp/ok"]);
    bench.run(Span::secs(8));
    assert_eq!(shown(&bench, "p"), "0/1 Running  0");
}

#[test]
fn a_startup_probe_that_fails_restarts_the_container_and_holds_the_others_back() {
    let yaml = "terminationGracePeriodSeconds: 1, containers: [{name: c, image: 'nginx:1', startupProbe: {exec: {command: ['false']}, periodSeconds: 2, failureThreshold: 3}, readinessProbe: {exec: {command: ['true']}}}]";
    let bench = check(yaml, &[(6, "0/1 Running  0"), (11, "0/1 Running  1")]);
    assert!(
        bench.events("p").iter().any(|e| e.starts_with("Killing Container c failed startup probe, will be restarted"))
    );
}

#[test]
fn a_sidecar_starts_before_the_others_and_ends_after_them() {
    let yaml = "restartPolicy: Never, initContainers: [{name: side, image: 'nginx:1', restartPolicy: Always}], containers: [{name: c, image: 'busybox:1', command: [sleep, '6']}]";
    let bench = check(yaml, &[(8, "1/1 Running  0"), (25, "0/1 Succeeded  0")]);
    let events = bench.events("p");
    assert_eq!(events.last().map(String::as_str), Some("Killing Stopping container side x1"), "{events:#?}");
    assert_eq!(
        bench.get("p").status.init_container_statuses[0].state.terminated.as_ref().map(|t| t.exit_code),
        Some(0)
    );
}

#[test]
fn a_failed_hook_after_the_start_kills_the_container() {
    let yaml = "containers: [{name: c, image: 'nginx:1', lifecycle: {postStart: {exec: {command: ['false']}}}}]";
    let mut bench = Bench::new(Span::ZERO);
    bench.run(Span::secs(1));
    bench.pod(&format!("metadata: {{name: p}}\nspec: {{{yaml}}}"));
    bench.run(Span::secs(8));
    let events = bench.events("p");
    for want in [
        "FailedPostStartHook PostStartHook failed",
        "Killing FailedPostStartHook",
        "BackOff Back-off restarting failed container c",
    ] {
        assert!(events.iter().any(|e| e.starts_with(want)), "{want}: {events:#?}");
    }
}

#[test]
fn a_container_that_takes_too_much_memory_is_killed() {
    let yaml = "restartPolicy: Never, containers: [{name: c, image: 'busybox:1', command: [sh, -c, oom]}]";
    let bench = check(yaml, &[(12, "0/1 Failed OOMKilled 0")]);
    assert_eq!(bench.get("p").status.container_statuses[0].state.terminated.as_ref().map(|t| t.exit_code), Some(137));
}

#[test]
fn a_kubelet_that_starts_again_finds_its_pods() {
    let mut bench = check("containers: [{name: c, image: 'nginx:1'}]", &[(6, "1/1 Running  0")]);
    let before = bench.get("p").status.container_statuses[0].container_id.clone();
    let config = bench.kubelet.config().clone();
    bench.kubelet = crate::node::kubelet::Kubelet::new(config, 8);
    bench.kubelet_input(crate::node::kubelet::Input::Start);
    bench.run(Span::secs(30));
    assert_eq!(shown(&bench, "p"), "1/1 Running  0");
    assert_eq!(bench.get("p").status.container_statuses[0].container_id, before);
    assert_eq!(bench.runtime.containers().count(), 1);
}

#[test]
fn another_image_in_the_spec_restarts_the_container() {
    let mut bench = check("containers: [{name: c, image: 'nginx:1'}]", &[(6, "1/1 Running  0")]);
    let mut pod = bench.get("p").as_ref().clone();
    std::sync::Arc::make_mut(&mut pod.spec).containers[0].image = "nginx:1.27".into();
    bench.put(pod.into(), crate::api::WatchEventType::Modified);
    bench.run(Span::secs(8));
    assert_eq!(shown(&bench, "p"), "1/1 Running  1");
    assert_eq!(bench.get("p").status.container_statuses[0].image, "nginx:1.27");
    assert!(bench.events("p").contains(&"Killing Container c definition changed, will be restarted x1".to_owned()));
}

#[test]
fn http_and_tcp_probes_that_nobody_answers_time_out() {
    // The bench has no network: what is asked for never comes back.
    let bench = check(
        "containers: [{name: c, image: 'nginx:1', readinessProbe: {httpGet: {path: /x, port: 80}, periodSeconds: 5}, livenessProbe: {tcpSocket: {port: 80}, periodSeconds: 5, failureThreshold: 9}}]",
        &[(9, "0/1 Running  0")],
    );
    let events = bench.events("p");
    let http = "Unhealthy Readiness probe failed: Get \"http://10.244.1.2:80/x\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
    assert!(events.iter().any(|e| e.starts_with(http)), "{events:#?}");
    assert!(
        events.iter().any(|e| e.starts_with("Unhealthy Liveness probe failed: dial tcp 10.244.1.2:80: i/o timeout")),
        "{events:#?}"
    );
}

/// A ConfigMap of the namespace `default` with one key.
fn config_map(name: &str, key: &str, value: &str) -> Object {
    let json = serde_json::json!({"metadata": {"name": name, "namespace": "default"}, "data": {key: value}});
    Object::from_value(Kind::ConfigMap, json).expect("a test's ConfigMap is well-formed")
}

#[test]
fn a_changed_config_map_reaches_a_volume_with_the_next_sync_and_neither_a_part_of_it_nor_a_variable() {
    let mut bench = Bench::new(Span::secs(2));
    bench.put(config_map("settings", "color", "red"), WatchEventType::Added);
    bench.pod(
        "metadata: {name: p}\nspec: {containers: [{name: c, image: 'nginx:1', env: [{name: COLOR, valueFrom: {configMapKeyRef: {name: settings, key: color}}}], volumeMounts: [{name: v, mountPath: /v}, {name: v, mountPath: /part, subPath: color}]}], volumes: [{name: v, configMap: {name: settings}}]}",
    );
    bench.run(Span::secs(10));
    let look = ["sh", "-c", "cat /v/color; echo; cat /part; echo; echo $COLOR; ls /v"];
    assert_eq!(bench.exec("p", &look).0, "red\nred\nred\ncolor\n");
    bench.put(config_map("settings", "color", "blue"), WatchEventType::Modified);
    bench.run(Span::secs(10));
    assert_eq!(bench.exec("p", &look).0, "red\nred\nred\ncolor\n", "nobody looked again yet");
    bench.run(Span::secs(90));
    assert_eq!(bench.exec("p", &look).0, "blue\nred\nred\ncolor\n");
    bench.put(config_map("settings", "shape", "round"), WatchEventType::Modified);
    bench.run(Span::secs(100));
    assert_eq!(bench.exec("p", &["ls", "/v"]).0, "shape\n", "a key that is gone takes its file with it");
}

#[test]
fn what_a_volume_is_made_of_and_is_not_there_is_told() {
    let mut bench = Bench::new(Span::secs(2));
    bench.put(config_map("settings", "color", "red"), WatchEventType::Added);
    bench.pod(
        "metadata: {name: p}\nspec: {containers: [{name: c, image: 'nginx:1'}], volumes: [{name: none, secret: {secretName: nope}}, {name: both, projected: {sources: [{configMap: {name: nope}}, {configMap: {name: settings, items: [{key: size, path: size}]}}]}}, {name: may, configMap: {name: nope, optional: true}}]}",
    );
    bench.run(Span::millis(300));
    assert_eq!(
        bench.events("p"),
        [
            "FailedMount MountVolume.SetUp failed for volume \"none\" : secret \"nope\" not found x1",
            "FailedMount MountVolume.SetUp failed for volume \"both\" : [configmap \"nope\" not found, references non-existent config key: size] x1",
        ]
    );
}

#[test]
fn the_pod_that_asked_for_least_and_takes_most_goes_when_memory_is_short_and_the_system_stays() {
    let mut bench = Bench::new(Span::ZERO);
    bench.run(Span::secs(1));
    let stress = |name: &str, priority: i32, request: &str, take: &str| {
        format!(
            "metadata: {{name: {name}}}\nspec: {{priority: {priority}, containers: [{{name: c, image: polinux/stress, command: [stress, --vm, '1', --vm-bytes, {take}, --vm-hang, '1'], resources: {{requests: {{{request}}}}}}}]}}"
        )
    };
    bench.pod(&stress("system", 2_000_000_000, "", "4000M"));
    bench.pod(&stress("asked", 0, "memory: 3Gi", "2000M"));
    bench.pod(&stress("small", 0, "", "100M"));
    bench.run(Span::secs(15));
    assert!(bench.find("small").is_some_and(|pod| pod.status.phase == "Running"));
    bench.pod(&stress("large", 0, "", "1790M"));
    bench.run(Span::secs(30));
    let phases = ["system", "asked", "small", "large"].map(|name| bench.get(name).status.phase.clone());
    assert_eq!(phases, ["Running", "Running", "Running", "Failed"]);
    let large = bench.get("large");
    assert_eq!(large.status.reason, "Evicted");
    let condition = large.status.conditions.first().map(|c| (c.r#type.as_str(), c.reason.as_str()));
    assert_eq!(condition, Some(("DisruptionTarget", "TerminationByKubelet")));
    let words = "The node was low on resource: memory. Threshold quantity: 100Mi, available: ";
    assert!(large.status.message.starts_with(words), "{}", large.status.message);
    assert!(
        large
            .status
            .message
            .ends_with("Container c was using 1791Mi, request is 0, has larger consumption of memory. ")
    );
}

#[test]
fn without_memory_left_the_kernel_kills_who_was_promised_least() {
    let mut bench = Bench::new(Span::ZERO);
    bench.run(Span::secs(1));
    bench.pod("metadata: {name: a}\nspec: {containers: [{name: c, image: polinux/stress, command: [stress, --vm, '1', --vm-bytes, 4G], resources: {requests: {memory: 5Gi}}}]}");
    bench.run(Span::secs(3));
    bench.pod("metadata: {name: b}\nspec: {restartPolicy: Never, containers: [{name: c, image: polinux/stress, command: [stress, --vm, '1', --vm-bytes, 4G]}]}");
    bench.run(Span::secs(5));
    let ended = |name: &str| {
        bench.get(name).status.container_statuses[0].state.terminated.as_ref().map(|t| (t.exit_code, t.reason.clone()))
    };
    assert_eq!((ended("a"), ended("b")), (None, Some((137, "OOMKilled".to_owned()))));
}
