//! Fields that are there with Go's zero value: upstream's decoder cannot tell them from fields that are missing, so that they
//! get their defaults. Models the tests for `== ""` and `== 0` in `pkg/apis/*/v1/defaults.go`; fields that are pointers there
//! (a container's `restartPolicy`, a claim's `storageClassName`, the protocol of a policy's port) keep what they say.

use serde_json::{Map, Value};

use super::Kind;

/// Texts that mean nothing when they are empty, wherever they are.
const TEXTS: [&str; 9] = [
    "concurrencyPolicy",
    "dnsPolicy",
    "imagePullPolicy",
    "persistentVolumeReclaimPolicy",
    "podManagementPolicy",
    "schedulerName",
    "sessionAffinity",
    "terminationMessagePath",
    "terminationMessagePolicy",
];
/// Numbers of probes that mean nothing when they are zero.
const NUMBERS: [&str; 4] = ["failureThreshold", "periodSeconds", "successThreshold", "timeoutSeconds"];

/// Takes such fields out of an object of a kind.
pub fn take_out(kind: Kind, object: &mut Value) {
    match kind {
        Kind::Pod
        | Kind::PodTemplate
        | Kind::Deployment
        | Kind::ReplicaSet
        | Kind::ReplicationController
        | Kind::StatefulSet
        | Kind::DaemonSet
        | Kind::Job
        | Kind::CronJob
        | Kind::PersistentVolume => {}
        Kind::Service => {
            if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
                drop_empty(spec, "type");
                for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
                    port.as_object_mut().into_iter().for_each(|port| drop_empty(port, "protocol"));
                }
            }
        }
        Kind::Secret => return object.as_object_mut().into_iter().for_each(|secret| drop_empty(secret, "type")),
        _ => return,
    }
    if let Some(spec) = object.get_mut(if kind == Kind::PodTemplate { "template" } else { "spec" }) {
        inside("", spec);
    }
}

fn inside(name: &str, value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| inside(name, item)),
        Value::Object(fields) => {
            for text in TEXTS {
                drop_empty(fields, text);
            }
            match name {
                "strategy" | "updateStrategy" => drop_empty(fields, "type"),
                "ports" if fields.contains_key("containerPort") => drop_empty(fields, "protocol"),
                "httpGet" => ["path", "scheme"].into_iter().for_each(|text| drop_empty(fields, text)),
                "livenessProbe" | "readinessProbe" | "startupProbe" => {
                    fields.retain(|name, value| !NUMBERS.contains(&name.as_str()) || value.as_i64() != Some(0));
                }
                _ if fields.contains_key("containers") => drop_empty(fields, "restartPolicy"),
                _ => {}
            }
            // Keys that users choose are no fields.
            let own =
                |name: &str| matches!(name, "labels" | "annotations" | "matchLabels" | "nodeSelector" | "selector");
            fields.iter_mut().filter(|(name, _)| !own(name)).for_each(|(name, value)| inside(name, value));
        }
        _ => {}
    }
}

fn drop_empty(fields: &mut Map<String, Value>, name: &str) {
    if fields.get(name).is_some_and(|value| value == "") {
        fields.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_empty_text_is_a_missing_one_where_upstream_cannot_tell_them_apart() {
        let mut pod = json!({"spec": {"restartPolicy": "", "containers": [{
            "name": "c", "imagePullPolicy": "", "restartPolicy": "",
            "ports": [{"containerPort": 80, "protocol": ""}],
            "livenessProbe": {"httpGet": {"port": 80, "path": ""}, "periodSeconds": 0, "initialDelaySeconds": 0},
        }]}});
        take_out(Kind::Pod, &mut pod);
        let expected = json!({"spec": {"containers": [{
            "name": "c", "restartPolicy": "", "ports": [{"containerPort": 80}],
            "livenessProbe": {"httpGet": {"port": 80}, "initialDelaySeconds": 0},
        }]}});
        assert_eq!(pod, expected);
    }

    #[test]
    fn labels_keep_their_empty_values_and_so_do_fields_that_are_pointers() {
        let same = [
            (Kind::Pod, json!({"spec": {"nodeSelector": {"dnsPolicy": ""}, "containers": []}})),
            (Kind::PersistentVolumeClaim, json!({"spec": {"storageClassName": ""}})),
            (Kind::NetworkPolicy, json!({"spec": {"ingress": [{"ports": [{"protocol": ""}]}]}})),
        ];
        for (kind, object) in same {
            let mut after = object.clone();
            take_out(kind, &mut after);
            assert_eq!(after, object);
        }
    }
}
