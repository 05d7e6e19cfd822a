//! Programs that talk to each other.

use crate::sim::Span;
use crate::workload::bench::{Bench, address};
use crate::workload::dns::Zone;

const RESOLV: &str =
    "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.0.0.1\noptions ndots:5\n";

/// A bench whose first machine is a DNS server that knows these services of the namespace `default`.
fn bench(services: &[(&str, usize)]) -> Bench {
    let mut bench = Bench::new();
    let dns = bench.start("registry.k8s.io/coredns/coredns:v1.12.1", &[], &[]);
    let a = services.iter().map(|(name, m)| (format!("{name}.default.svc.cluster.local"), vec![address(*m)])).collect();
    bench.zone(dns, Zone { a, ..Zone::default() });
    bench
}

fn client(bench: &mut Bench, image: &str, line: &str) -> String {
    let (out, err, code) = bench.run(image, &["sh", "-c", line], &[("/etc/resolv.conf", RESOLV)]);
    match code {
        Some(0) => out + &err,
        code => format!("{out}{err}[{code:?}]"),
    }
}

#[test]
fn curl_reads_a_page_by_the_name_of_a_service() {
    let mut bench = bench(&[("web", 1)]);
    bench.start("nginx:1.25", &[], &[("/usr/share/nginx/html/index.html", "hello\n")]);
    for (line, want) in [
        ("curl -s http://web", "hello\n"),
        ("curl -s -o /dev/null -w '%{http_code}\\n' http://web/", "200\n"),
        ("curl -s -o /dev/null -w '%{http_code}' http://10.0.0.2/nope", "404"),
        ("curl -s web.default.svc.cluster.local", "hello\n"),
        ("curl -sf http://web/nope", "[Some(22)]"),
        (
            "curl http://web:81",
            "curl: (7) Failed to connect to web port 81 after 3 ms: Could not connect to server\n[Some(7)]",
        ),
        ("curl http://nope", "curl: (6) Could not resolve host: nope\n[Some(6)]"),
        (
            "curl -m 2 http://10.9.9.9; echo $?",
            "7\ncurl: (7) Failed to connect to 10.9.9.9 port 80 after 1 ms: Could not connect to server\n",
        ),
        ("curl ftp://web", "curl: (1) Protocol \"ftp\" not supported\n[Some(1)]"),
        ("curl -s -I http://web | head -n 2", "HTTP/1.1 200 OK\r\nServer: nginx/1.25\r\n"),
        ("for i in 1 2; do curl -s web; done | wc -l", "2\n"),
    ] {
        assert_eq!(client(&mut bench, "curlimages/curl", line), want, "{line}");
    }
    let log = &bench.machines[1].stdout;
    assert!(
        log.contains(
            "10.0.0.3 - - [01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 6 \"-\" \"curl/8.12.1\" \"-\"\n"
        ),
        "{log}"
    );
}

#[test]
fn wget_speaks_as_busybox_does() {
    let mut bench = bench(&[("web", 1)]);
    bench.start("nginx:1.13.0-alpine", &[], &[("/usr/share/nginx/html/index.html", "hello\n")]);
    for (line, want) in [
        ("wget -qO- http://web", "hello\n"),
        ("wget -q -O - web/nope", "wget: server returned error: HTTP/1.1 404 Not Found\n[Some(1)]"),
        ("wget -q -O - web:81", "wget: can't connect to remote host (10.0.0.2): Connection refused\n[Some(1)]"),
        ("wget -qO- nope", "wget: bad address 'nope'\n[Some(1)]"),
        ("wget -q http://web && cat index.html", "hello\n"),
        ("wget --spider web", "Connecting to web (10.0.0.2:80)\nremote file exists\n"),
    ] {
        assert_eq!(client(&mut bench, "busybox", line), want, "{line}");
    }
}

#[test]
fn names_are_looked_up_and_hosts_are_pinged() {
    let mut bench = bench(&[("web", 1)]);
    bench.start("nginx", &[], &[]);
    let found =
        "Server:\t\t10.0.0.1\nAddress:\t10.0.0.1:53\n\nName:\tweb.default.svc.cluster.local\nAddress: 10.0.0.2\n\n";
    assert_eq!(client(&mut bench, "busybox", "nslookup web"), found);
    assert!(
        client(&mut bench, "busybox", "nslookup nope").contains("** server can't find nope: NXDOMAIN\n\n[Some(1)]")
    );
    assert_eq!(
        client(&mut bench, "busybox", "ping -c 2 web"),
        "PING web (10.0.0.2): 56 data bytes\n64 bytes from 10.0.0.2: seq=0 ttl=64 time=1.000 ms\n64 bytes from 10.0.0.2: seq=1 ttl=64 time=1.000 ms\n\n--- web ping statistics ---\n2 packets transmitted, 2 packets received, 0% packet loss\nround-trip min/avg/max = 1.000/1.000/1.000 ms\n"
    );
    assert!(
        client(&mut bench, "busybox", "ping -c 1 -W 1 10.9.9.9")
            .ends_with("1 packets transmitted, 0 packets received, 100% packet loss\n[Some(1)]")
    );
    assert_eq!(client(&mut bench, "busybox", "ping nope"), "ping: bad address 'nope'\n[Some(1)]");
}

#[test]
fn the_guestbook_writes_to_the_leader_and_reads_from_a_follower() {
    let mut bench = bench(&[("redis-leader", 1), ("redis-follower", 2), ("frontend", 3)]);
    bench.start("docker.io/redis:6.0.5", &[], &[]);
    bench.start("gcr.io/google_samples/gb-redis-follower:v2", &[], &[("/etc/resolv.conf", RESOLV)]);
    bench.start("gcr.io/google_samples/gb-frontend:v5", &[], &[("/etc/resolv.conf", RESOLV)]);
    let set = "curl -s 'http://frontend/guestbook.php?cmd=set&key=messages&value=hi%20there'";
    assert_eq!(client(&mut bench, "curlimages/curl", set), "{\"message\": \"Updated\"}");
    let end = bench.now + Span::secs(3);
    bench.pass(end, None);
    let get = "curl -s 'http://frontend/guestbook.php?cmd=get&key=messages'";
    assert_eq!(client(&mut bench, "curlimages/curl", get), "{\"data\": \"hi there\"}");
    let write = "printf 'SET a 1\\r\\nINCR a\\r\\nGET a\\r\\n' | nc redis-leader 6379 & sleep 1; kill $!";
    assert_eq!(client(&mut bench, "busybox", write), "+OK\r\n:2\r\n$1\r\n2\r\n");
    let refused = "printf 'SET a 1\\r\\n' | nc redis-follower 6379 & sleep 1; kill $!";
    assert!(
        client(&mut bench, "busybox", refused).starts_with("-READONLY You can't write against a read only replica.")
    );
}

#[test]
fn servers_say_who_they_are() {
    let mut bench = bench(&[]);
    bench.start("gcr.io/google-samples/hello-app:1.0", &[], &[]);
    bench.start("registry.k8s.io/e2e-test-images/agnhost:2.53", &["/agnhost", "netexec"], &[]);
    bench.start("acme/shop:3", &[], &[]);
    bench.start("tomcat:8.5.21-jre8-alpine", &[], &[]);
    for (line, want) in [
        ("curl -s 10.0.0.2:8080", "Hello, world!\nVersion: 1.0.0\nHostname: m1\n"),
        ("curl -s 10.0.0.3:8080/hostname", "m2"),
        ("curl -s '10.0.0.3:8080/echo?msg=a+b'", "a b"),
        ("curl -s 10.0.0.4:8080/x", "acme/shop:3 in m3 (m3): GET /x\n"),
        ("curl -s 10.0.0.5:8080 | grep -c 'Apache Tomcat/8.5.21'", "2\n"),
    ] {
        assert_eq!(client(&mut bench, "curlimages/curl", line), want, "{line}");
    }
}

#[test]
fn bytes_that_are_no_protocol_harm_no_server() {
    let mut bench = bench(&[]);
    bench.start("nginx", &[], &[]);
    bench.start("redis", &[], &[]);
    for port in ["10.0.0.2 80", "10.0.0.3 6379"] {
        let line = format!("printf '*9999999999999\\r\\n$-5\\r\\n\\0001\\r\\n\\r\\n' | nc {port} & sleep 1; kill $!");
        client(&mut bench, "busybox", &line);
    }
    assert!(bench.machines.iter().take(3).all(|m| m.code.is_none()));
    assert_eq!(client(&mut bench, "curlimages/curl", "curl -s -o /dev/null -w '%{http_code}' 10.0.0.2"), "200");
}
