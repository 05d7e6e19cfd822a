//! What names, labels and keys must be like, in upstream's words. Models `k8s.io/apimachinery/pkg/util/validation` and
//! `k8s.io/apimachinery/pkg/api/validate/content`.
//!
//! Every function answers all that is wrong with a text; nothing if it is right.

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const SUBDOMAIN_UNDERSCORE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '([a-z0-9_]([-_a-z0-9]*[a-z0-9])?)(\\.([a-z0-9_]([-_a-z0-9]*[a-z0-9])?))*')";
const WILDCARD: &str = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const NAME_PART: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const ENV_NAME: &str =
    "a valid environment variable name must consist only of printable ASCII characters other than '='";
const HEADER_NAME: &str = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";
const C_IDENTIFIER: &str = "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')";

/// `must be no more than 63 characters`.
pub fn too_long(most: usize) -> String {
    format!("must be no more than {most} characters")
}

fn too_many_bytes(most: usize) -> String {
    format!("must be no more than {most} bytes")
}

fn lower(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit()
}

/// Begins and ends with what `edge` says and has only what `inside` says; not empty.
fn shaped(text: &str, edge: fn(u8) -> bool, inside: fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) => edge(*first) && edge(*last) && bytes.iter().all(|b| inside(*b)),
        _ => false,
    }
}

fn is_label(text: &str) -> bool {
    shaped(text, lower, |b| lower(b) || b == b'-')
}

fn is_name_part(text: &str) -> bool {
    shaped(text, |b| b.is_ascii_alphanumeric(), |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn checked(long: bool, most: usize, good: bool, words: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if long {
        errors.push(too_long(most));
    }
    if !good {
        errors.push(words.to_owned());
    }
    errors
}

/// A DNS label (`IsDNS1123Label`).
pub fn dns_label(text: &str) -> Vec<String> {
    let dotted = text.split('.').all(is_label);
    checked(text.len() > 63, 63, is_label(text), if dotted { "must not contain dots" } else { LABEL })
}

/// A DNS subdomain (`IsDNS1123Subdomain`): the names of most objects.
pub fn dns_subdomain(text: &str) -> Vec<String> {
    checked(text.len() > 253, 253, text.split('.').all(is_label), SUBDOMAIN)
}

/// A DNS subdomain in which underscores are allowed (`IsDNS1123SubdomainWithUnderscore`).
pub fn dns_subdomain_with_underscore(text: &str) -> Vec<String> {
    let good = |part: &str| {
        let inside = |b: u8| lower(b) || matches!(b, b'-' | b'_');
        let first = part.as_bytes().first().is_some_and(|b| lower(*b) || *b == b'_');
        first && part.as_bytes().last().is_some_and(|b| lower(*b)) && part.bytes().all(inside)
    };
    checked(text.len() > 253, 253, text.split('.').all(good), SUBDOMAIN_UNDERSCORE)
}

/// A DNS subdomain of which the first label is `*` (`IsWildcardDNS1123Subdomain`).
pub fn wildcard_subdomain(text: &str) -> Vec<String> {
    let good = text.strip_prefix("*.").is_some_and(|rest| rest.split('.').all(is_label));
    checked(text.len() > 253, 253, good, WILDCARD)
}

/// A name that can be part of a path (`IsValidPathSegmentName`).
pub fn path_segment(text: &str) -> Vec<String> {
    if matches!(text, "." | "..") {
        return vec![format!("may not be '{text}'")];
    }
    let found = ['/', '%'].into_iter().filter(|c| text.contains(*c));
    found.map(|c| format!("may not contain '{c}'")).collect()
}

/// A DNS label that begins with a letter (`IsDNS1035Label`).
pub fn dns_1035_label(text: &str) -> Vec<String> {
    let good = is_label(text) && text.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
    checked(text.len() > 63, 63, good, LABEL_1035)
}

/// A key of a label, a taint or a resource (`IsQualifiedName`): a name, perhaps with a DNS prefix.
pub fn qualified_name(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split('/').collect();
    let mut errors = Vec::new();
    let name = match parts.as_slice() {
        [name] => *name,
        [prefix, name] => {
            if prefix.is_empty() {
                errors.push("prefix part must be non-empty".to_owned());
            } else {
                errors.extend(dns_subdomain(prefix).into_iter().map(|e| format!("prefix part {e}")));
            }
            *name
        }
        _ => {
            let words = NAME_PART.trim_end();
            return vec![format!(
                "a valid label key {words} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        errors.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        errors.push(format!("name part {}", too_many_bytes(63)));
    }
    if !is_name_part(name) {
        errors.push(format!("name part {NAME_PART}"));
    }
    errors
}

/// The value of a label (`IsValidLabelValue`).
pub fn label_value(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > 63 {
        errors.push(too_many_bytes(63));
    }
    if !text.is_empty() && !is_name_part(text) {
        errors.push(LABEL_VALUE.to_owned());
    }
    errors
}

/// A key of a ConfigMap or Secret (`IsConfigMapKey`).
pub fn config_key(text: &str) -> Vec<String> {
    let good = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let mut errors = checked(text.len() > 253, 253, good, CONFIG_KEY);
    match text {
        "." => errors.push("must not be '.'".to_owned()),
        ".." => errors.push("must not be '..'".to_owned()),
        _ if text.starts_with("..") => errors.push("must not start with '..'".to_owned()),
        _ => {}
    }
    errors
}

/// The name of a variable of the environment (`IsRelaxedEnvVarName`).
pub fn env_name(text: &str) -> Vec<String> {
    let good = !text.is_empty() && text.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'=');
    checked(false, 0, good, ENV_NAME)
}

/// An identifier of the C language (`IsCIdentifier`).
pub fn c_identifier(text: &str) -> Vec<String> {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    let good = first && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    checked(false, 0, good, C_IDENTIFIER)
}

/// The name of a header of HTTP (`IsHTTPHeaderName`).
pub fn header_name(text: &str) -> Vec<String> {
    let good = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    checked(false, 0, good, HEADER_NAME)
}

/// The name of a port (`IsValidPortName`).
pub fn port_name(text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > 15 {
        errors.push(too_long(15));
    }
    if !text.bytes().all(|b| lower(b) || b == b'-') {
        errors.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned());
    }
    if !text.bytes().any(|b| b.is_ascii_lowercase()) {
        errors.push("must contain at least one letter (a-z)".to_owned());
    }
    if text.contains("--") {
        errors.push("must not contain consecutive hyphens".to_owned());
    }
    if text.starts_with('-') || text.ends_with('-') {
        errors.push("must not begin or end with a hyphen".to_owned());
    }
    errors
}

/// A port number (`IsValidPortNum`).
pub fn port_number(port: i32) -> Vec<String> {
    if (1..=65_535).contains(&port) { Vec::new() } else { vec!["must be between 1 and 65535, inclusive".to_owned()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(of: fn(&str) -> Vec<String>, good: &[&str], bad: &[&str]) {
        for text in good {
            assert_eq!(of(text), Vec::<String>::new(), "{text}");
        }
        for text in bad {
            assert!(!of(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn names_are_as_upstream_wants_them() {
        let long = "a".repeat(64);
        check(dns_label, &["a", "a-1", "1a"], &["", "-a", "a-", "A", "a.b", "a_b", &long]);
        check(dns_subdomain, &["a.b", "1.2"], &["", "a..b", ".a", "a.", "A.b"]);
        check(dns_1035_label, &["web"], &["1web", "a.b"]);
        check(qualified_name, &["a", "A_b.c", "x.y/Z"], &["", "/a", "a/", "a/b/c", "X/a", "a b"]);
        check(label_value, &["", "a", "A.b_c"], &["-a", "a b", &long]);
        check(config_key, &["a.b", ".dockerconfigjson"], &["", ".", "..", "..a", "a b"]);
        check(port_name, &["http", "http-2"], &["", "80", "a--b", "-a", "abcdefghijklmnop", "Http"]);
    }
}
