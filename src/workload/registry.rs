//! Which program a command line starts, in which image; what files and variables an image brings.

use crate::workload::image::{self, Family};
use crate::workload::program::sleep::{Sleep, parse_span};
use crate::workload::program::web::{HTTPD_INDEX, NGINX_INDEX, Style, Web};
use crate::workload::{File, Fs, Place, Process, Spec};

/// The process that `spec` starts.
///
/// # Errors
/// There is no such program in the image; the words are runc's, without the leading ones that say what failed.
pub fn start(spec: &Spec, place: &Place, fs: &Fs) -> Result<Process, String> {
    let argv: Vec<&str> = spec.argv.iter().map(String::as_str).collect();
    let Some((program, args)) = argv.split_first() else {
        return generic(place).ok_or_else(|| "no command specified".to_owned());
    };
    _ = fs;
    let base = program.rsplit('/').next().unwrap_or(program);
    match base {
        "docker-entrypoint.sh" | "tini" | "dumb-init" if !args.is_empty() => {
            let rest = Spec { argv: spec.argv[1..].to_vec(), ..spec.clone() };
            start(&rest, place, fs)
        }
        "nginx" if place.family == Family::Nginx => Ok(Web::new(Style::Nginx, &tag(place), vec![80]).into()),
        "httpd-foreground" | "httpd" if place.family == Family::Httpd => {
            Ok(Web::new(Style::Httpd, &tag(place), vec![80]).into())
        }
        "catalina.sh" if place.family == Family::Tomcat => Ok(Web::new(Style::Tomcat, &tag(place), vec![8080]).into()),
        "sleep" => Ok(Sleep::plain(args.first().and_then(|a| parse_span(a).ok()).flatten()).into()),
        "pause" => Ok(Sleep::pause().into()),
        _ => Err(format!("exec: {program:?}: executable file not found in $PATH")),
    }
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

/// The files of an image.
pub fn files(place: &Place) -> Fs {
    let mut fs = Fs::new();
    fs.put("/etc/hostname", File::of(format!("{}\n", place.hostname)));
    match place.family {
        Family::Nginx => fs.put("/usr/share/nginx/html/index.html", File::of(NGINX_INDEX)),
        Family::Httpd => fs.put("/usr/local/apache2/htdocs/index.html", File::of(HTTPD_INDEX)),
        _ => {}
    }
    fs
}

/// The environment of a container's processes: the image's, then the pod's.
pub fn env(container: &crate::node::runtime::Container) -> std::collections::BTreeMap<String, String> {
    let mut env: std::collections::BTreeMap<String, String> =
        [("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/root")]
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
    env.insert("HOSTNAME".into(), container.place.hostname.clone());
    env.extend(container.config.env.clone());
    env
}
