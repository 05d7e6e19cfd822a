//! Probes and lifecycle hooks. Models `validateProbe`, `validateHandler` and `validateLifecycle`.

use serde_json::{Value, json};

use super::error::{each, forbidden, invalid, not_negative, required, unsupported};
use super::names;
use crate::api::{
    ExecAction, FieldError, HttpGetAction, IntOrString, Lifecycle, LifecycleHandler, PodSpec, Probe, TcpSocketAction,
};

/// A liveness or startup probe: one success is enough.
pub fn liveness(probe: Option<&Probe>, field: &str, errors: &mut Vec<FieldError>) {
    let Some(probe) = probe else { return };
    common(probe, field, errors);
    if probe.success_threshold != 1 {
        errors.push(invalid(&format!("{field}.successThreshold"), &json!(probe.success_threshold), "must be 1"));
    }
}

/// A readiness probe.
pub fn readiness(probe: Option<&Probe>, field: &str, errors: &mut Vec<FieldError>) {
    let Some(probe) = probe else { return };
    common(probe, field, errors);
    if probe.termination_grace_period_seconds.is_some() {
        let at = format!("{field}.terminationGracePeriodSeconds");
        let value = json!(probe.termination_grace_period_seconds);
        errors.push(invalid(&at, &value, "must not be set for readinessProbes"));
    }
}

fn common(probe: &Probe, field: &str, errors: &mut Vec<FieldError>) {
    let handlers = Handlers {
        exec: probe.exec.as_ref(),
        http: probe.http_get.as_ref(),
        tcp: probe.tcp_socket.as_ref(),
        grpc: probe.rest.get("grpc").map(|grpc| grpc["port"].as_i64().unwrap_or(0)),
        sleep: None,
    };
    handlers.check(field, errors);
    for (name, value) in [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ] {
        not_negative(&format!("{field}.{name}"), i64::from(value), errors);
    }
    if let Some(seconds) = probe.termination_grace_period_seconds
        && seconds <= 0
    {
        let at = format!("{field}.terminationGracePeriodSeconds");
        errors.push(invalid(&at, &json!(seconds), "must be greater than 0"));
    }
}

/// Hooks, and the signal that ends a container.
pub fn lifecycle(hooks: &Lifecycle, spec: &PodSpec, field: &str, errors: &mut Vec<FieldError>) {
    for (name, hook) in [("postStart", &hooks.post_start), ("preStop", &hooks.pre_stop)] {
        if let Some(hook) = hook {
            handler(hook, spec.termination_grace_period_seconds, &format!("{field}.{name}"), errors);
        }
    }
    let Some(signal) = &hooks.stop_signal else { return };
    let field = format!("{field}.stopSignal");
    match spec.rest.get("os").and_then(|os| os["name"].as_str()).unwrap_or("") {
        "" => errors.push(forbidden(&field, "may not be set for containers with empty `spec.os.name`")),
        "windows" if !WINDOWS_SIGNALS.contains(&signal.as_str()) => {
            errors.push(unsupported(&field, signal, &WINDOWS_SIGNALS));
        }
        _ => {}
    }
}

const WINDOWS_SIGNALS: [&str; 2] = ["SIGKILL", "SIGTERM"];

fn handler(hook: &LifecycleHandler, grace: i64, field: &str, errors: &mut Vec<FieldError>) {
    let handlers = Handlers {
        exec: hook.exec.as_ref(),
        http: hook.http_get.as_ref(),
        tcp: hook.tcp_socket.as_ref(),
        grpc: None,
        sleep: hook.sleep.as_ref().map(|sleep| (sleep.seconds, grace)),
    };
    handlers.check(field, errors);
}

/// Exactly one of these.
struct Handlers<'a> {
    exec: Option<&'a ExecAction>,
    http: Option<&'a HttpGetAction>,
    tcp: Option<&'a TcpSocketAction>,
    /// The port.
    grpc: Option<i64>,
    /// How long, and how long a container has for its end.
    sleep: Option<(i64, i64)>,
}

impl Handlers<'_> {
    fn check(&self, field: &str, errors: &mut Vec<FieldError>) {
        let mut count = 0;
        let mut one_more = |name: &str, errors: &mut Vec<FieldError>| {
            count += 1;
            if count > 1 {
                errors.push(forbidden(&format!("{field}.{name}"), "may not specify more than 1 handler type"));
            }
            count == 1
        };
        if let Some(exec) = self.exec
            && one_more("exec", errors)
            && exec.command.is_empty()
        {
            errors.push(required(&format!("{field}.exec.command"), ""));
        }
        if let Some(http) = self.http
            && one_more("httpGet", errors)
        {
            http_get(http, &format!("{field}.httpGet"), errors);
        }
        if let Some(tcp) = self.tcp
            && one_more("tcpSocket", errors)
        {
            port(&tcp.port, &format!("{field}.tcpSocket.port"), errors);
        }
        if let Some(number) = self.grpc
            && one_more("grpc", errors)
        {
            for why in names::port_number(i32::try_from(number).unwrap_or(i32::MAX)) {
                errors.push(invalid(&format!("{field}.grpc.port"), &json!(number), &why));
            }
        }
        if let Some((seconds, grace)) = self.sleep
            && one_more("sleep", errors)
            && !(0..=grace).contains(&seconds)
        {
            let why = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
            errors.push(invalid(&format!("{field}.sleep"), &json!(seconds), &why));
        }
        if count == 0 {
            errors.push(required(field, "must specify a handler type"));
        }
    }
}

fn http_get(http: &HttpGetAction, field: &str, errors: &mut Vec<FieldError>) {
    if http.path.is_empty() {
        errors.push(required(&format!("{field}.path"), ""));
    }
    port(&http.port, &format!("{field}.port"), errors);
    if !matches!(http.scheme.as_str(), "HTTP" | "HTTPS") {
        errors.push(unsupported(&format!("{field}.scheme"), &http.scheme, &["HTTP", "HTTPS"]));
    }
    let headers = http.rest.get("httpHeaders").and_then(Value::as_array);
    for name in headers.into_iter().flatten().map(|header| header["name"].as_str().unwrap_or("")) {
        each(&format!("{field}.httpHeaders"), name, names::header_name(name), errors);
    }
}

/// A port by number or name.
pub fn port(port: &IntOrString, field: &str, errors: &mut Vec<FieldError>) {
    match port {
        IntOrString::Int(number) => {
            for why in names::port_number(*number) {
                errors.push(invalid(field, &json!(number), &why));
            }
        }
        IntOrString::String(name) => each(field, name, names::port_name(name), errors),
    }
}
