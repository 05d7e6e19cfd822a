//! Requests for certificates and classes of runtimes. Models `pkg/apis/certificates/validation` and
//! `pkg/apis/node/validation`; a request is not looked into further than its PEM block.

use serde_json::{Value, json};

use super::error::{duplicate, each, immutable, invalid, required, unsupported};
use super::{names, placement, resources};
use crate::api::{CertificateSigningRequest, FieldError, ResourceRequirements, RuntimeClass, Toleration};
use crate::sim::VecSet;

const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];
/// The shortest life of a certificate, in seconds.
const LEAST_SECONDS: i64 = 600;

/// A new request.
pub fn request(request: &CertificateSigningRequest, errors: &mut Vec<FieldError>) {
    let spec = &request.spec;
    let text = |name: &str| spec.get(name).and_then(Value::as_str).unwrap_or("");
    let is_pem = data_encoding::BASE64.decode(text("request").as_bytes()).is_ok_and(|bytes| {
        String::from_utf8_lossy(&bytes).trim_start().starts_with("-----BEGIN CERTIFICATE REQUEST-----")
    });
    if !is_pem {
        let why = "PEM block type must be CERTIFICATE REQUEST";
        errors.push(invalid("spec.request", &json!(text("request")), why));
    }
    let usages: Vec<&str> =
        spec.get("usages").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if usages.is_empty() {
        errors.push(required("spec.usages", ""));
    }
    let mut seen = VecSet::new();
    for (at, usage) in usages.iter().enumerate() {
        let field = format!("spec.usages[{at}]");
        if !USAGES.contains(usage) {
            errors.push(unsupported(&field, usage, &USAGES));
        }
        if !seen.insert(*usage) {
            errors.push(duplicate(&field, &json!(usage)));
        }
    }
    match text("signerName") {
        "kubernetes.io/legacy-unknown" => {
            let why = "the legacy signerName is not allowed via this API version";
            errors.push(invalid("spec.signerName", &json!("kubernetes.io/legacy-unknown"), why));
        }
        name => signer(name, errors),
    }
    if let Some(seconds) = spec.get("expirationSeconds").and_then(Value::as_i64).filter(|s| *s < LEAST_SECONDS) {
        let why = "may not specify a duration less than 600 seconds (10 minutes)";
        errors.push(invalid("spec.expirationSeconds", &json!(seconds), why));
    }
}

/// `example.com/my-signer`.
fn signer(name: &str, errors: &mut Vec<FieldError>) {
    let field = "spec.signerName";
    if name.is_empty() {
        return errors.push(required(field, ""));
    }
    let parts: Vec<&str> = name.split('/').collect();
    let [domain, path] = parts.as_slice() else {
        let why = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        return errors.push(invalid(field, &json!(name), why));
    };
    each(field, domain, names::dns_subdomain(domain), errors);
    if !domain.contains('.') {
        errors.push(invalid(field, &json!(domain), "should be a domain with at least two segments separated by dots"));
    }
    if path.is_empty() {
        let why = "validating signer path: a lowercase RFC 1123 label must not be empty";
        return errors.push(invalid(field, &json!(path), why));
    }
    for label in path.split('.') {
        let wrong = names::dns_label(label);
        errors.extend(wrong.iter().map(|why| {
            let why = format!("validating label {label:?}: {why}");
            invalid(field, &json!(path), &why)
        }));
    }
}

/// A class of runtimes.
pub fn runtime(class: &RuntimeClass, errors: &mut Vec<FieldError>) {
    each("handler", &class.handler, names::dns_label(&class.handler), errors);
    if let Some(fixed) = class.rest.get("overhead").map(|overhead| overhead["podFixed"].clone()) {
        let limits = serde_json::from_value(fixed).unwrap_or_default();
        let of = ResourceRequirements { limits, ..ResourceRequirements::default() };
        resources::requirements(&of, "overhead", errors);
    }
    let selector = class.rest.get("scheduling").map(|scheduling| &scheduling["nodeSelector"]);
    for (key, value) in selector.and_then(Value::as_object).into_iter().flatten() {
        each("scheduling.nodeSelector", key, names::qualified_name(key), errors);
        let value = value.as_str().unwrap_or("");
        each("scheduling.nodeSelector", value, names::label_value(value), errors);
    }
    let tolerations = class.rest.get("scheduling").map(|scheduling| scheduling["tolerations"].clone());
    let tolerations: Vec<Toleration> =
        tolerations.and_then(|list| serde_json::from_value(list).ok()).unwrap_or_default();
    let field = "scheduling.tolerations";
    placement::tolerations(&tolerations, field, errors);
    for (at, one) in tolerations.iter().enumerate().filter(|(at, one)| tolerations[..*at].contains(one)) {
        errors.push(duplicate(&format!("{field}[{at}]"), &json!(one)));
    }
}

/// A changed class of runtimes: its handler stays.
pub fn runtime_update(new: &RuntimeClass, old: &RuntimeClass, errors: &mut Vec<FieldError>) {
    runtime(new, errors);
    immutable("handler", &new.handler, &old.handler, errors);
}
