//! `kubarium serve` as the machine's own `kubectl` sees it. Skipped with a reason where there is no `kubectl`.

#[path = "support/script.rs"]
mod script;
#[path = "support/served.rs"]
mod served;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use served::{Said, Served, has_kubectl, said};

const SCENARIO: &str = "nodes=3 pull=0s seed=7";

fn kubectl(served: &Served, line: &str, stdin: &str) -> Said {
    said(served.command("kubectl").args(["--request-timeout", "60s"]).args(words(line)), stdin)
}

/// Sends a raw request; the answer whole.
fn raw(served: &Served, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", served.port)).expect("it listens");
    // It may close without having read all that it was sent.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

/// The words of a line; quotes keep blanks together.
fn words(line: &str) -> Vec<String> {
    let (mut found, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => found.push(String::new()),
            c => found.last_mut().expect("never empty").push(c),
        }
    }
    found
}

#[test]
fn the_token_in_a_pods_file_is_taken_and_its_accounts_roles_count() {
    if !has_kubectl("v1.") {
        return;
    }
    let served = Served::start(SCENARIO);
    let done = |line: &str| {
        let said = kubectl(&served, line, "");
        assert_eq!(said.rc, 0, "{line}: {said:?}");
        said.stdout
    };
    done("run one --image=busybox:1.36 --command -- sleep 1d");
    done("wait --for=condition=Ready pod/one");
    let token = done("exec one -- cat /var/run/secrets/kubernetes.io/serviceaccount/token");
    // kubectl itself keeps a token back where there is no TLS.
    let pods = || {
        let head = "GET /api/v1/namespaces/default/pods HTTP/1.1\r\nHost: localhost\r\nConnection: close";
        raw(&served, &format!("{head}\r\nAuthorization: Bearer {token}\r\n\r\n"))
    };
    let refused = pods();
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    assert!(refused.contains("system:serviceaccount:default:default"), "{refused}");
    done("create rolebinding v --clusterrole=view --serviceaccount=default:default");
    assert!(pods().starts_with("HTTP/1.1 200"));
    done("delete pod one --now");
    assert!(pods().starts_with("HTTP/1.1 401"), "a pod's token ends with it");
}

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  colour: red\n";

const BLUE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  colour: blue\n";
const BARE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n";

/// What is typed, what it reads, how it ends, and what its output or its errors contain.
const LINES: &[(&str, &str, i32, &str)] = &[
    ("version", "", 0, "Server Version: v1.36.2"),
    ("get nodes -o name", "", 0, "node/worker3\n"),
    ("api-resources --api-group=apps -o name", "", 0, "deployments.apps\n"),
    ("explain deployment.spec.strategy", "", 0, "rollingUpdate\t<RollingUpdateDeployment>"),
    ("explain pod.spec.containers --recursive", "", 0, "readOnlyRootFilesystem\t<boolean>"),
    ("create deployment web --image=nginx:1.25 --replicas=3", "", 0, "deployment.apps/web created\n"),
    (
        "create deployment web --image=nginx:1.25",
        "",
        1,
        "error: failed to create deployment: deployments.apps \"web\" already exists",
    ),
    ("rollout status deployment/web --timeout=50s", "", 0, "deployment \"web\" successfully rolled out"),
    ("get deployment web -o jsonpath={.status.readyReplicas}", "", 0, "3"),
    ("scale deployment/web --replicas=2", "", 0, "deployment.apps/web scaled\n"),
    ("expose deployment web --port=80", "", 0, "service/web exposed\n"),
    ("get service web -o jsonpath={.spec.ports[0].targetPort}", "", 0, "80"),
    ("set image deployment/web nginx=nginx:1.27", "", 0, "deployment.apps/web image updated\n"),
    ("rollout status deployment/web --timeout=50s", "", 0, "deployment \"web\" successfully rolled out"),
    ("rollout history deployment/web", "", 0, "REVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n"),
    ("rollout undo deployment/web", "", 0, "deployment.apps/web rolled back\n"),
    ("apply -f -", CONFIG, 0, "configmap/settings created\n"),
    ("apply -f -", CONFIG, 0, "configmap/settings unchanged\n"),
    ("apply -f - --dry-run=server", CONFIG, 0, "configmap/settings unchanged (server dry run)\n"),
    (
        "apply -f -",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ncolour: red\n",
        1,
        "unknown field \"colour\"",
    ),
    ("patch configmap settings -p '{\"data\":{\"size\":\"9\"}}'", "", 0, "configmap/settings patched\n"),
    ("get configmap settings -o go-template={{.data.size}}", "", 0, "9"),
    ("label configmap settings tier=web", "", 0, "configmap/settings labeled\n"),
    (
        "apply --server-side --field-manager=auditor -f -",
        BLUE,
        1,
        "error: Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using v1: .data.colour\n",
    ),
    (
        "apply --server-side --field-manager=auditor --force-conflicts -f -",
        BLUE,
        0,
        "configmap/settings serverside-applied\n",
    ),
    ("apply --server-side --field-manager=auditor -f -", BARE, 0, "configmap/settings serverside-applied\n"),
    ("get configmap settings -o jsonpath={.data}", "", 0, "{\"size\":\"9\"}"),
    ("get configmap settings -o yaml --show-managed-fields", "", 0, "manager: kubectl-patch\n"),
    ("apply --server-side -f -", CONFIG, 0, "configmap/settings serverside-applied\n"),
    ("apply --server-side -f - --dry-run=server", CONFIG, 0, "configmap/settings serverside-applied (server dry run)"),
    ("get configmap -l tier=web -o name", "", 0, "configmap/settings\n"),
    ("run one --image=busybox --restart=Never -- sh -c 'echo hello; sleep 3600'", "", 0, "pod/one created\n"),
    ("wait --for=condition=Ready pod/one --timeout=50s", "", 0, "pod/one condition met\n"),
    ("logs one", "", 0, "hello\n"),
    ("exec one -- sh -c 'echo out; exit 3'", "", 3, "out\n"),
    ("exec -i one -- cat", "from here", 0, "from here"),
    ("exec -i one -- sh", "echo a; exit 4", 4, "a\n"),
    ("exec one -- nope", "", 1, "executable file not found"),
    ("exec one -c two -- true", "", 1, "Error from server (BadRequest): container two is not valid for pod one"),
    ("exec nope -- true", "", 1, "Error from server (NotFound): pods \"nope\" not found"),
    ("exec -i nope -- true", "", 1, "Error from server (NotFound): pods \"nope\" not found"),
    (
        "get pods --as=auditor",
        "",
        1,
        "Error from server (Forbidden): pods is forbidden: User \"auditor\" cannot list resource \"pods\"",
    ),
    ("auth can-i list pods --as=auditor", "", 1, "no\n"),
    (
        "auth whoami --as=auditor --as-group=dev -o jsonpath={.status.userInfo.groups}",
        "",
        0,
        "[\"dev\",\"system:authenticated\"]",
    ),
    (
        "get pods --as-group=dev",
        "",
        1,
        "error: requesting uid, groups or user-extra for kubernetes-admin without impersonating a user",
    ),
    (
        "create rolebinding auditor --clusterrole=view --user=auditor",
        "",
        0,
        "rolebinding.rbac.authorization.k8s.io/auditor created\n",
    ),
    ("get pod one --as=auditor -o name", "", 0, "pod/one\n"),
    (
        "exec one --as=auditor -- true",
        "",
        1,
        "Error from server (Forbidden): pods \"one\" is forbidden: User \"auditor\" cannot create resource \"pods/exec\"",
    ),
    ("logs nope", "", 1, "pods \"nope\" not found"),
    ("run three -i --rm --restart=Never --image=busybox -- sh", "echo from three; exit 4\n", 4, "from three\n"),
    ("get pod three", "", 1, "pods \"three\" not found"),
    ("run four --image=busybox --restart=Never -- sh -c 'sleep 40; echo over'", "", 0, "pod/four created\n"),
    ("wait --for=condition=Ready pod/four --timeout=50s", "", 0, "pod/four condition met\n"),
    ("attach four", "", 0, "over\n"),
    ("attach one -c two", "", 1, "container two not found in pod one"),
    ("cp nope:/etc/hostname /dev/null", "", 1, "not found"),
    ("describe pod one", "", 0, "Successfully assigned default/one to worker"),
    ("auth can-i create pods", "", 0, "yes\n"),
    ("auth whoami -o jsonpath={.status.userInfo.username}", "", 0, "admin"),
    ("cordon worker1", "", 0, "node/worker1 cordoned\n"),
    ("drain worker1 --ignore-daemonsets --force", "", 0, "node/worker1 drained"),
    ("get events --field-selector reason=Killing -o name", "", 0, "event/web-"),
    ("uncordon worker1", "", 0, "node/worker1 uncordoned\n"),
    ("taint node worker1 a=b:NoSchedule", "", 0, "node/worker1 tainted\n"),
    ("create job once --image=busybox -- true", "", 0, "job.batch/once created\n"),
    ("wait --for=condition=complete job/once --timeout=50s", "", 0, "job.batch/once condition met\n"),
    ("create cronjob often --image=busybox --schedule=@hourly -- true", "", 0, "cronjob.batch/often created\n"),
    (
        "autoscale deployment web --max=5 --cpu-percent=50",
        "",
        0,
        "horizontalpodautoscaler.autoscaling/web autoscaled\n",
    ),
    ("create role reader --verb=get --resource=pods", "", 0, "role.rbac.authorization.k8s.io/reader created\n"),
    ("create quota q --hard=pods=100", "", 0, "resourcequota/q created\n"),
    ("get pods -w --request-timeout=2s", "", 0, "web-"),
    ("events --for pod/one", "", 0, "Started"),
    // The drain may have taken `one`.
    ("run two --image=busybox --restart=Never -- sleep 3600", "", 0, "pod/two created\n"),
    ("delete pod two --now", "", 0, "pod \"two\" deleted"),
    ("get pod two", "", 1, "Error from server (NotFound): pods \"two\" not found\n"),
    ("delete deployment,service web", "", 0, "deployment.apps \"web\" deleted"),
];

#[test]
fn the_real_kubectl_believes_the_server() {
    if !has_kubectl("v1.") {
        return;
    }
    let served = Served::start(SCENARIO);
    let mut wrong = Vec::new();
    for (line, stdin, rc, words) in LINES {
        let said = kubectl(&served, line, stdin);
        if said.rc != *rc || !format!("{}{}", said.stdout, said.stderr).contains(words) {
            wrong.push(format!("$ kubectl {line}\n{}{}(exit {})\n", said.stdout, said.stderr, said.rc));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), LINES.len(), wrong.join("\n"));
}

#[test]
fn what_a_command_reads_from_outside_has_a_limit() {
    if !has_kubectl("v1.") {
        return;
    }
    let served = Served::start(SCENARIO);
    for line in ["run one --image=busybox -- sleep 3600", "wait --for=condition=Ready pod/one --timeout=50s"] {
        let said = kubectl(&served, line, "");
        assert_eq!(said.rc, 0, "{line}: {}", said.stderr);
    }
    for (mebibytes, rc, words) in [
        (2, 0, "2097152\n"),
        (33, 1, "error: standard input is too large: the limit for a simulated command is 33554432 bytes\n"),
    ] {
        let said = kubectl(&served, "exec -i one -- wc -c", &"x".repeat(mebibytes << 20));
        // kubectl may notice, and log, that it still writes to what has been closed.
        let logged = |line: &&str| line.contains("\"Unhandled Error\"");
        let told: String = said.stderr.split_inclusive('\n').filter(|line| !logged(line)).collect();
        assert_eq!((said.rc, said.stdout + &told), (rc, words.to_owned()), "{mebibytes} MiB");
    }
}

#[test]
fn who_has_a_token_may_do_what_its_account_may() {
    let served = Served::start(SCENARIO);
    let ask = |token: &str, method: &str, path: &str, body: &str| {
        let length = body.len();
        let bearer = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
        let head = "Host: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n";
        raw(&served, &format!("{method} {path} HTTP/1.1\r\n{head}{bearer}Content-Length: {length}\r\n\r\n{body}"))
    };
    let answer = ask("", "POST", "/api/v1/namespaces/default/serviceaccounts/default/token", "{\"spec\":{}}");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let token = answer.split("\"token\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a token");
    let who = ask(token, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");
    assert!(who.contains("system:serviceaccount:default:default"), "{who}");
    let refused = ask(token, "GET", "/api/v1/namespaces/default/pods", "");
    let words = r#"pods is forbidden: User \"system:serviceaccount:default:default\" cannot list resource \"pods\""#;
    assert!(refused.starts_with("HTTP/1.1 403") && refused.contains(words), "{refused}");
    let unknown = ask("nope", "GET", "/api/v1/namespaces/default/pods", "");
    assert!(unknown.starts_with("HTTP/1.1 401") && unknown.contains("Unauthorized"), "{unknown}");
    let review = format!("{{\"spec\":{{\"token\":\"{token}\"}}}}");
    let reviewed = ask("", "POST", "/apis/authentication.k8s.io/v1/tokenreviews", &review);
    assert!(reviewed.contains("\"authenticated\":true"), "{reviewed}");
    let groups = ask("", "GET", "/apis/authentication.k8s.io/v1", "");
    assert!(groups.contains("tokenreviews") && groups.contains("selfsubjectreviews"), "{groups}");
}

#[test]
fn a_forwarded_port_leads_to_the_pod() {
    if !has_kubectl("v1.") {
        return;
    }
    let served = Served::start(SCENARIO);
    for line in ["run one --image=nginx", "wait --for=condition=Ready pod/one --timeout=50s"] {
        let said = kubectl(&served, line, "");
        assert_eq!(said.rc, 0, "{line}: {}", said.stderr);
    }
    let mut forward = served
        .command("kubectl")
        .args(["port-forward", "--address", "127.0.0.1", "pod/one", ":80"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("kubectl starts");
    let mut line = String::new();
    // Kept until the end: kubectl goes on to tell of each connection.
    let mut said = BufReader::new(forward.stdout.take().expect("piped"));
    said.read_line(&mut line).expect("it says from where");
    let port = line.strip_prefix("Forwarding from 127.0.0.1:").and_then(|rest| rest.split(' ').next()?.parse().ok());
    for _ in 0..2 {
        let mut stream = TcpStream::connect(("127.0.0.1", port.expect("a port"))).expect("kubectl listens");
        stream.write_all(b"GET / HTTP/1.1\r\nHost: one\r\nConnection: close\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("nginx"), "{answer}");
    }
    forward.kill().expect("it runs");
    forward.wait().expect("it ends");
}

#[test]
fn what_is_no_request_of_this_machine_is_refused() {
    let served = Served::start(SCENARIO);
    let body = "x".repeat(4 * 1024 * 1024);
    for (request, code) in [
        ("GET /version HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".to_owned(), "200"),
        ("GET /version HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".to_owned(), "403"),
        (
            "GET /version HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil.example\r\nConnection: close\r\n\r\n"
                .to_owned(),
            "403",
        ),
        ("GET /nope HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".to_owned(), "404"),
        ("GET /%ff HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".to_owned(), "400"),
        ("OPTIONS /api HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".to_owned(), "405"),
        (
            "POST /api/v1/namespaces HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 1\r\n\r\n{"
                .to_owned(),
            "400",
        ),
        (
            format!(
                "POST /api/v1/namespaces HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
            "413",
        ),
    ] {
        let answer = raw(&served, &request);
        let head = request.lines().take(3).collect::<Vec<_>>().join(" | ");
        assert!(answer.starts_with(&format!("HTTP/1.1 {code}")), "{head}\n{}", &answer[..answer.len().min(300)]);
    }
}

/// A cluster of everyday things, as the page's terminal makes it.
const MADE: &str = r#"
!cluster nodes=2 seed=8 pull=0s
kubectl create namespace shop
kubectl -n shop create deployment web --image=nginx:1.25 --replicas=2
kubectl -n shop expose deployment web --port=80 --type=NodePort
kubectl -n shop autoscale deployment web --cpu=50% --max=4
kubectl create configmap settings --from-literal=colour=red
kubectl create job once --image=busybox:1.36 -- true
kubectl create cronjob often --image=busybox:1.36 --schedule='*/5 * * * *' -- true
kubectl run one --image=busybox:1.36 -- sleep 86400
kubectl create role reader --verb=get --resource=pods
!wait 10s
"#;

#[test]
fn the_real_kubectl_takes_what_is_exported() {
    if !has_kubectl("v1.") {
        return;
    }
    let files = script::Files::new();
    let script = script::run(MADE, &files, |_, line, answer| assert_eq!(answer.rc, 0, "{line}\n{}", answer.stderr));
    let manifests = kubarium::session::export::manifests(&script.into_world());
    let served = Served::start(SCENARIO);
    let dry = kubectl(&served, "apply --dry-run=client -f -", &manifests);
    assert_eq!(dry.stdout.lines().count(), 9, "{}{}", dry.stdout, dry.stderr);
    assert!(dry.stdout.lines().all(|line| line.ends_with(" created (dry run)")), "{}", dry.stdout);
    let said = kubectl(&served, "apply -f -", &manifests);
    assert_eq!((said.rc, said.stderr.as_str()), (0, ""), "{}", said.stdout);
}
