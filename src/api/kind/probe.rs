//! Probes and lifecycle hooks. Models `k8s.io/api/core/v1/types.go`.

use crate::api::IntOrString;

api_struct! {
    /// A check of a container. Exactly one handler is there.
    Probe {
        keep {
            timeout_seconds: i32 = 1,
            period_seconds: i32 = 10,
            success_threshold: i32 = 1,
            failure_threshold: i32 = 3,
        }
        omit {
            initial_delay_seconds: i32,
            termination_grace_period_seconds: Option<i64>,
            exec: Option<ExecAction>,
            http_get: Option<HttpGetAction>,
            tcp_socket: Option<TcpSocketAction>,
        }
    }

    /// Runs a command; 0 is success.
    ExecAction {
        keep {}
        omit { command: Vec<String> }
    }

    /// Asks by HTTP; 200 to 399 is success.
    HttpGetAction {
        keep { path: String = "/".into(), port: IntOrString, scheme: String = "HTTP".into() }
        omit { host: String }
    }

    /// Opens a connection.
    TcpSocketAction {
        keep { port: IntOrString }
        omit { host: String }
    }

    /// Hooks after the start and before the stop.
    Lifecycle {
        keep {}
        omit { post_start: Option<LifecycleHandler>, pre_stop: Option<LifecycleHandler>, stop_signal: Option<String> }
    }

    /// What a hook does. Exactly one handler is there.
    LifecycleHandler {
        keep {}
        omit {
            exec: Option<ExecAction>,
            http_get: Option<HttpGetAction>,
            tcp_socket: Option<TcpSocketAction>,
            sleep: Option<SleepAction>,
        }
    }

    /// Waits.
    SleepAction {
        keep { seconds: i64 }
        omit {}
    }
}
