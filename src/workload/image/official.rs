//! Which tags the official images have. Their tags are versions, or words of a fixed kind (`stable-alpine`, `bookworm`); what
//! is neither, or a version that is far beyond any release, does not exist.

/// The images, and a major and a minor version beyond every release.
const BEYOND: &[(&str, u32, u32)] = &[
    ("alpine", 3, 40),
    ("busybox", 1, 60),
    ("debian", 16, 0),
    ("fedora", 60, 0),
    ("httpd", 2, 10),
    ("mongo", 12, 0),
    ("mysql", 12, 0),
    ("nginx", 1, 60),
    ("node", 40, 0),
    ("perl", 5, 60),
    ("postgres", 24, 0),
    ("python", 3, 30),
    ("redis", 12, 0),
    ("tomcat", 14, 0),
    ("ubuntu", 30, 0),
];

/// What a tag may begin with, if not with a version.
const WORDS: &[&str] = &[
    "latest",
    "stable",
    "mainline",
    "edge",
    "rolling",
    "devel",
    "unstable",
    "testing",
    "experimental",
    "sid",
    "lts",
    "current",
    "oldstable",
    "oldoldstable",
    "alpine",
    "slim",
    "perl",
    "otel",
    "glibc",
    "musl",
    "uclibc",
    "nightly",
    // Debian's and Ubuntu's names.
    "wheezy",
    "jessie",
    "stretch",
    "buster",
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "trusty",
    "xenial",
    "bionic",
    "focal",
    "jammy",
    "lunar",
    "mantic",
    "noble",
    "oracular",
    "plucky",
    "questing",
    "rawhide",
    "windowsservercore",
    "nanoserver",
    "iron",
    "jod",
    "krypton",
    "hydrogen",
    "gallium",
];

/// Whether the official image `name` (without `library/`) has that tag, as far as its form tells.
pub fn has_tag(name: &str, tag: &str) -> bool {
    let Some((_, major, minor)) = BEYOND.iter().find(|(known, ..)| *known == name) else { return true };
    let first = tag.split('-').next().unwrap_or(tag);
    if first.starts_with(|c: char| c.is_ascii_digit()) {
        let mut numbers = first.split('.').map(|part| {
            let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            part[..digits].parse::<u32>().unwrap_or(u32::MAX)
        });
        let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        return version < (*major, *minor);
    }
    let word = first.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    WORDS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_no_release_ever_had_do_not_exist() {
        for (image, expected) in [
            ("nginx:latest", true),
            ("nginx:1", true),
            ("nginx:1.14.2", true),
            ("nginx:1.27-alpine", true),
            ("nginx:stable-alpine3.20-slim", true),
            ("nginx:alpine3.18", true),
            ("nginx:1.161", false),
            ("nginx:1.999", false),
            ("nginx:2.0", false),
            ("nginx:v1.25", false),
            ("nginx:nonexistent", false),
            ("nginx:99999999999", false),
            ("debian:bookworm-slim", true),
            ("ubuntu:24.04", true),
            ("tomcat:8.5.21-jre8-alpine", true),
            ("httpd:2.4", true),
            ("busybox:1.28", true),
            ("busybox:musl", true),
            ("memcached:whatever", true),
        ] {
            let (name, tag) = image.split_once(':').expect("it has a tag");
            assert_eq!(has_tag(name, tag), expected, "{image}");
        }
    }
}
