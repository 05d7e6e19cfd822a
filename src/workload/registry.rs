//! Which program a command line starts, in which image; what files an image brings.

use crate::sim::VecMap;
use crate::workload::image::{self, Family};
use crate::workload::program::coredns::CoreDns;
use crate::workload::program::guestbook::Guestbook;
use crate::workload::program::hello::{Hello, Style as HelloStyle};
use crate::workload::program::ingress_nginx::IngressNginx;
use crate::workload::program::metrics_server::MetricsServer;
use crate::workload::program::outside::{self, Outside};
use crate::workload::program::php_apache::PhpApache;
use crate::workload::program::redis::Redis;
use crate::workload::program::sleep::{Sleep, parse_span};
use crate::workload::program::stress::Stress;
use crate::workload::program::web::{HTTPD_INDEX, NGINX_CONF, NGINX_INDEX, NGINX_SITE, Style, Web};
use crate::workload::shell::Shell;
use crate::workload::tool::{curl::Curl, instant, nc::Nc, nslookup::Nslookup, ping::Ping, system, wget::Wget};
use crate::workload::tool::{dig::Dig, tcpdump::Tcpdump, timeout::Timeout, traceroute::Traceroute};
use crate::workload::tool::{watch::Watch, xargs::Xargs};
use crate::workload::{File, Fs, Place, Process, Spec};

/// The process that `spec` starts.
///
/// # Errors
/// There is no such program in the image; the words are runc's, without the leading ones that say what failed.
pub fn start(spec: &Spec, place: &Place, fs: &Fs) -> Result<Process, String> {
    let Some(program) = spec.argv.first() else {
        return generic(place).ok_or_else(|| "no command specified".to_owned());
    };
    let name = program.rsplit('/').next().unwrap_or(program);
    if let Some(process) = own(name, spec, place, fs) {
        return process;
    }
    let here = spec.argv.iter().map(String::as_str);
    if has_tool(name, place)
        && let Some(process) = tool(name, spec, place, fs)
    {
        return Ok(process);
    }
    let script = crate::workload::fs::resolve(&spec.cwd, program);
    if program.contains('/') && fs.is_file(&script) {
        // A script that somebody wrote.
        let argv = ["sh", &script].into_iter().chain(here.skip(1)).map(str::to_owned).collect();
        let spec = Spec { argv, ..spec.clone() };
        return Shell::new(&spec, place, fs).map(Process::from);
    }
    // The program that an unknown image was built for.
    if let Some(server) = generic(place).filter(|_| program.starts_with('/')) {
        return Ok(server);
    }
    Err(match program.contains('/') {
        true => format!("exec: {program:?}: stat {program}: no such file or directory"),
        false => format!("exec: {program:?}: executable file not found in $PATH"),
    })
}

/// The first process of a container. A program that nobody knows, in an image that nobody knows, is what that image was built
/// for: a server on the declared ports, or before the pod's containers (`init`) something that does its work and ends well.
///
/// # Errors
/// As [`start`]; code for an interpreter (`python3 -c …`) is not run either.
pub fn start_first(spec: &Spec, place: &Place, fs: &Fs, init: bool) -> Result<Process, String> {
    // Code on the command line of an interpreter is not run.
    let code = spec.argv.iter().skip(1).any(|arg| matches!(arg.as_str(), "-c" | "-e"));
    let unknown = place.family == Family::Generic && !code;
    match start(spec, place, fs) {
        Ok(Process::Web(_)) | Err(_) if unknown && init => Ok(Sleep::plain(Some(crate::sim::Span::secs(1))).into()),
        Err(words) if unknown => generic(place).ok_or(words),
        started => started,
    }
}

/// The programs that an image is there for, and their wrappers.
fn own(name: &str, spec: &Spec, place: &Place, fs: &Fs) -> Option<Result<Process, String>> {
    let args: Vec<&str> = spec.argv.iter().skip(1).map(String::as_str).collect();
    let rest = || Spec { argv: spec.argv[1..].to_vec(), ..spec.clone() };
    let wraps = matches!(
        name,
        "docker-entrypoint.sh"
            | "docker-php-entrypoint"
            | "entrypoint.sh"
            | "tini"
            | "dumb-init"
            | "nohup"
            | "setsid"
            | "time"
    );
    Some(Ok(match (name, place.family) {
        _ if wraps && !args.is_empty() => {
            let skip = args.iter().take_while(|a| **a == "--" || **a == "-g").count();
            let inner = rest();
            return Some(start(
                &Spec { argv: inner.argv[skip.min(inner.argv.len() - 1)..].to_vec(), ..inner },
                place,
                fs,
            ));
        }
        (name, Family::Terminal) if outside::NAMES.contains(&name) => Outside::new(spec).into(),
        ("nginx" | "nginx-debug", Family::Nginx) => Web::new(Style::Nginx, &tag(place), vec![80]).into(),
        ("httpd-foreground" | "httpd" | "apachectl", Family::Httpd) => {
            Web::new(Style::Httpd, &tag(place), vec![80]).into()
        }
        ("catalina.sh", Family::Tomcat) => Web::new(Style::Tomcat, &tag(place), vec![8080]).into(),
        ("redis-server", Family::Redis) => redis(&args, place),
        ("run.sh", Family::RedisFollower) => {
            let old = place.image.contains("slave");
            let env = spec.env.get("GET_HOSTS_FROM").is_some_and(|v| v == "env");
            let variable = if old { "REDIS_MASTER_SERVICE_HOST" } else { "REDIS_LEADER_SERVICE_HOST" };
            let name = if old { "redis-master" } else { "redis-leader" };
            let host = spec.env.get(variable).filter(|_| env).cloned().unwrap_or_else(|| name.into());
            Redis::new(6379, "", Some((host, 6379))).into()
        }
        ("apache2-foreground", Family::Guestbook) => Guestbook::new(spec).into(),
        ("apache2-foreground", Family::HpaExample) => PhpApache::default().into(),
        ("nginx-ingress-controller", Family::IngressNginx) => IngressNginx::default().into(),
        ("metrics-server", Family::MetricsServer) => MetricsServer::new(&args).into(),
        ("pause", _) => Sleep::pause().into(),
        (name, Family::ControlPlane) => Sleep::standing_for(name)?.into(),
        ("coredns", Family::CoreDns) => CoreDns::new(&args).into(),
        ("run.sh", Family::EchoServer) => Hello::new(HelloStyle::Echo, "", 8080, None).into(),
        ("echo-server", Family::EchoServer) => {
            let port = spec.env.get("PORT").and_then(|p| p.parse().ok()).unwrap_or(8080);
            Hello::new(HelloStyle::Echo, "", port, None).into()
        }
        ("hello-app", Family::HelloApp) => {
            let port = spec.env.get("PORT").and_then(|p| p.parse().ok()).unwrap_or(8080);
            Hello::new(HelloStyle::HelloApp, &tag(place).replace("2.0", "2.0.0").replace("1.0", "1.0.0"), port, None)
                .into()
        }
        ("hello", Family::HelloApp) => {
            let words =
                "\nHello from Docker!\nThis message shows that your installation appears to be working correctly.\n";
            return Some(start(
                &Spec { argv: vec!["printf".into(), words.into()], ..spec.clone() },
                &Place { family: Family::Busybox, ..place.clone() },
                fs,
            ));
        }
        ("agnhost", Family::Agnhost) => agnhost(&args),
        _ => return None,
    }))
}

fn redis(args: &[&str], place: &Place) -> Process {
    let option = |name: &str| args.iter().position(|a| *a == name);
    let port = option("--port").and_then(|at| args.get(at + 1)?.parse().ok()).unwrap_or(6379);
    let leader = option("--replicaof").or_else(|| option("--slaveof")).and_then(|at| {
        let words: Vec<&str> = args.get(at + 1..)?.iter().flat_map(|w| w.split(' ')).take(2).collect();
        Some(((*words.first()?).to_owned(), words.get(1)?.parse().ok()?))
    });
    Redis::new(port, &tag(place), leader).into()
}

fn agnhost(args: &[&str]) -> Process {
    let option = |name: &str| {
        args.iter().find_map(|a| a.trim_start_matches('-').strip_prefix(name)?.strip_prefix('=')?.parse().ok())
    };
    match args.first() {
        Some(&"netexec") => Hello::new(
            HelloStyle::NetExec,
            "",
            option("http-port").unwrap_or(8080),
            Some(option("udp-port").unwrap_or(8081)),
        )
        .into(),
        Some(&"serve-hostname") => Hello::new(HelloStyle::Hostname, "", option("port").unwrap_or(9376), None).into(),
        _ => Sleep::pause().into(),
    }
}

/// Tools of every image that has a shell.
fn tool(name: &str, spec: &Spec, place: &Place, fs: &Fs) -> Option<Process> {
    let gnu = matches!(place.family, Family::Debian | Family::Node | Family::Curl | Family::Terminal);
    // Whether it has iproute2 and OpenBSD's netcat rather than what busybox makes of them.
    let full = matches!(place.family, Family::Debian | Family::Node | Family::Terminal | Family::Agnhost)
        || place.image.contains("netshoot");
    Some(match name {
        "busybox" if spec.argv.len() > 1 => {
            let inner = Spec { argv: spec.argv[1..].to_vec(), ..spec.clone() };
            return start(&inner, place, fs).ok();
        }
        "env" if spec.argv.iter().skip(1).any(|a| !a.contains('=') && !a.starts_with('-')) => {
            return with_env(spec, place, fs);
        }
        "watch" => Watch::new(spec).into(),
        "xargs" => Xargs::new(spec).into(),
        "timeout" => Timeout::new(spec, place, fs, gnu && place.family != Family::Curl).into(),
        "sh" | "ash" | "bash" | "dash" | "zsh" => Shell::new(spec, place, fs).ok()?.into(),
        "sleep" => {
            let mut total = Some(crate::sim::Span::ZERO);
            for arg in &spec.argv[1..] {
                let Ok(span) = parse_span(arg) else {
                    let words = format!("echo \"sleep: invalid number '{arg}'\" >&2; exit 1");
                    let argv = vec!["sh".into(), "-c".into(), words];
                    return Shell::new(&Spec { argv, ..spec.clone() }, place, fs).ok().map(Process::from);
                };
                total = total.zip(span).map(|(a, b)| a + b);
            }
            Sleep::plain(total).into()
        }
        "pause" => Sleep::pause().into(),
        "oom" => Sleep::hungry().into(),
        "stress" => Stress::new(&spec.argv.iter().skip(1).map(String::as_str).collect::<Vec<_>>()).into(),
        "curl" => Curl::new(spec).into(),
        "wget" => Wget::new(spec).into(),
        "ping" => Ping::new(spec, gnu).into(),
        "traceroute" => Traceroute::new(spec, gnu && place.family != Family::Curl).into(),
        "dig" => Dig::new(spec).into(),
        "nslookup" | "host" => Nslookup::new(spec, gnu).into(),
        "nc" | "ncat" | "telnet" => Nc::new(spec, full).into(),
        "tcpdump" if !spec.argv.iter().any(|arg| arg == "-D" || arg == "--list-interfaces") => {
            Tcpdump::new(spec).into()
        }
        // A node's file that only the system knows.
        "cat" if place.family == Family::Node && unknown_file(spec, fs) => system::System::new(spec, false).into(),
        // What the kernel knows of a network.
        "cat" if place.family != Family::Terminal && of_kernel(spec) => {
            system::System::new(spec, !place.has_gnu_tools()).into()
        }
        "ip" => system::System::new(spec, !full).into(),
        "ifconfig" | "route" | "netstat" | "arp" => {
            let own = matches!(place.family, Family::Node | Family::Terminal | Family::Debian);
            system::System::new(spec, !own).into()
        }
        name if system::TOOLS.contains(&name) => system::System::new(spec, false).into(),
        name => instant::Immediate::new(name, spec)?.into(),
    })
}

/// Whether `cat` is to read one file that is not there.
fn unknown_file(spec: &Spec, fs: &Fs) -> bool {
    let path = spec.argv.get(1).filter(|_| spec.argv.len() == 2);
    path.is_some_and(|p| p.starts_with('/') && !p.starts_with("/proc") && !p.starts_with("/dev") && !fs.exists(p))
}

/// Whether `cat` is to read one file of `/proc` that tells of a network.
fn of_kernel(spec: &Spec) -> bool {
    let dirs = ["/proc/net/", "/proc/self/net/", "/proc/1/net/", "/proc/sys/net/"];
    matches!(spec.argv.as_slice(), [_, path] if dirs.iter().any(|dir| path.starts_with(dir)))
}

/// `env A=1 command`.
fn with_env(spec: &Spec, place: &Place, fs: &Fs) -> Option<Process> {
    let mut env: VecMap<String, String> = spec.env.clone();
    let mut words = spec.argv[1..].iter().skip_while(|a| a.starts_with('-')).peekable();
    while let Some((name, value)) = words.next_if(|w| w.contains('=')).and_then(|w| w.split_once('=')) {
        env.insert(name.into(), value.into());
    }
    start(&Spec { argv: words.cloned().collect(), env, cwd: spec.cwd.clone() }, place, fs).ok()
}

/// Whether the image has a tool.
fn has_tool(name: &str, place: &Place) -> bool {
    let alpine = place.image.contains("alpine");
    let network =
        ["ping", "nslookup", "wget", "nc", "telnet", "ip", "ifconfig", "route", "arp", "netstat", "traceroute"];
    let host = [
        "iptables",
        "iptables-save",
        "ipset",
        "ipvsadm",
        "nft",
        "conntrack",
        "crictl",
        "brctl",
        "journalctl",
        "systemctl",
        "tcpdump",
        "etcdctl",
        "etcdutl",
        "scp",
    ];
    // dash has no such word; bash reads it itself.
    if name == "[[" && place.has_gnu_tools() {
        return false;
    }
    match place.family {
        Family::Node => true,
        // What its processes and its network would tell is not simulated.
        Family::Terminal => {
            matches!(name, "bash" | "curl" | "sh" | "sleep" | "timeout" | "watch" | "xargs")
                || outside::NAMES.contains(&name)
                || instant::TOOLS.iter().any(|(tool, ..)| *tool == name)
                    && !matches!(name, "ps" | "top" | "uptime" | "pidof" | "pgrep" | "killall" | "pkill")
        }
        Family::ControlPlane if matches!(name, "etcdctl" | "etcdutl") => place.image.contains("/etcd:"),
        Family::Pause | Family::ControlPlane | Family::CoreDns | Family::HelloApp | Family::MetricsServer => false,
        // It is made of nginx's alpine.
        Family::IngressNginx => {
            name == "curl"
                || !host.contains(&name) && !matches!(name, "zsh" | "dig" | "host" | "ss" | "bridge" | "stress")
        }
        Family::Busybox => {
            !host.contains(&name)
                && !matches!(name, "curl" | "bash" | "zsh" | "dig" | "host" | "ss" | "bridge" | "stress")
        }
        Family::Alpine => {
            !host.contains(&name)
                && !matches!(name, "curl" | "zsh" | "dig" | "host" | "ss" | "bridge" | "stress")
                && (name != "bash" || place.image.contains("bash"))
        }
        // The image of curl has no more than curl needs.
        Family::Curl if name == "tcpdump" => place.image.contains("netshoot"),
        Family::Curl | Family::Agnhost => {
            !matches!(name, "crictl" | "journalctl" | "systemctl" | "etcdctl" | "etcdutl" | "scp")
        }
        Family::Debian => {
            !host.contains(&name)
                && !network.contains(&name)
                && !matches!(name, "curl" | "dig" | "host" | "zsh" | "ash" | "busybox")
        }
        Family::Nginx if !alpine => {
            !host.contains(&name)
                && (!network.contains(&name))
                && !matches!(name, "dig" | "host" | "zsh" | "ash" | "busybox" | "ps")
        }
        Family::Redis if name == "redis-cli" => true,
        _ => !host.contains(&name) && !matches!(name, "dig" | "host" | "zsh"),
    }
}

/// Where a tool is, if the image has it.
pub fn path_of(name: &str, place: &Place) -> Option<String> {
    if place.family == Family::Terminal && outside::NAMES.contains(&name) {
        return Some(format!("/usr/local/bin/{name}"));
    }
    let shell = matches!(name, "sh" | "ash" | "bash" | "sleep" | "busybox" | "pause");
    let network = matches!(name, "curl" | "wget" | "ping" | "nslookup" | "nc" | "host" | "dig" | "traceroute");
    let known = shell
        || network
        || matches!(name, "timeout" | "watch" | "xargs")
        || system::TOOLS.contains(&name)
        || instant::TOOLS.iter().any(|(n, ..)| *n == name);
    let dir = if shell || matches!(name, "cat" | "ls" | "echo" | "ps" | "ping") { "/bin" } else { "/usr/bin" };
    (known && has_tool(name, place)).then(|| format!("{dir}/{name}"))
}

/// The server of an image without a known program.
fn generic(place: &Place) -> Option<Process> {
    (place.family == Family::Generic).then(|| {
        let ports = if place.tcp_ports.is_empty() { vec![80] } else { place.tcp_ports.clone() };
        Web::new(Style::Generic, "", ports).into()
    })
}

/// The tag of the image.
fn tag(place: &Place) -> String {
    image::parse(&place.image).map(|n| n.tag).unwrap_or_default()
}

/// The users of an image.
fn passwd(place: &Place) -> String {
    let own = image::parse(&place.image).ok().and_then(|name| name.user());
    let line = own.map(image::ImageUser::line).unwrap_or_default();
    format!("root:x:0:0:root:/root:/bin/sh\n{line}")
}

/// The files of an image.
pub fn files(place: &Place) -> Fs {
    let mut fs = Fs::new();
    fs.put("/etc/hostname", File::of(format!("{}\n", place.hostname)));
    fs.put("/etc/passwd", File::of(passwd(place)));
    let release = match place.family {
        Family::Busybox => "",
        Family::Alpine | Family::Curl => {
            "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.21.3\nPRETTY_NAME=\"Alpine Linux v3.21\"\n"
        }
        _ if place.image.contains("alpine") => {
            "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.21.3\nPRETTY_NAME=\"Alpine Linux v3.21\"\n"
        }
        _ => {
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n"
        }
    };
    if !release.is_empty() {
        fs.put("/etc/os-release", File::of(release));
    }
    match place.family {
        Family::Nginx => {
            for dir in ["/run", "/var/cache/nginx"] {
                _ = fs.make_dir(dir, true);
            }
            fs.put("/usr/share/nginx/html/index.html", File::of(NGINX_INDEX));
            fs.put("/etc/nginx/nginx.conf", File::of(NGINX_CONF));
            fs.put("/etc/nginx/conf.d/default.conf", File::of(NGINX_SITE));
        }
        Family::Httpd => fs.put("/usr/local/apache2/htdocs/index.html", File::of(HTTPD_INDEX)),
        _ => {}
    }
    fs
}

/// The variables that every image sets.
pub fn env(place: &Place) -> VecMap<String, String> {
    let mut env: VecMap<String, String> =
        [("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/root")]
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
    env.insert("HOSTNAME".into(), place.hostname.clone());
    env
}
