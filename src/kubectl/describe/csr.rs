//! `describe` of CertificateSigningRequest: what stands in the request itself (PKCS #10), as far as a certificate would have it.

use std::net::{Ipv4Addr, Ipv6Addr};

use data_encoding::BASE64;
use serde_json::Value;

use super::events;
use super::page::Page;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{entries, int_at, items, text, text_at};
use crate::kubectl::{duration, timestamp};

/// The parts of a name: the last byte of `2.5.4.n`, and their titles.
const PARTS: [(u8, &str); 7] = [
    (10, "Organization"),
    (11, "Organizational Unit"),
    (6, "Country"),
    (7, "Locality"),
    (8, "Province"),
    (9, "StreetAddress"),
    (17, "PostalCode"),
];
const COMMON_NAME: u8 = 3;
const SERIAL_NUMBER: u8 = 5;
/// `1.2.840.113549.1.9.14`, the extensions that are asked for, and `2.5.29.17`, other names among them.
const EXTENSIONS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];
const OTHER_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
/// The other names by their tags, and their titles.
const KINDS: [(u8, &str); 4] = [(0x82, "DNS Names"), (0x81, "Email Addresses"), (0x86, "URIs"), (0x87, "IP Addresses")];

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    /// The parts of the subject's name, by the last byte of their numbers.
    subject: Vec<(u8, String)>,
    /// Its other names, by their tags.
    others: Vec<(u8, String)>,
}

/// The first value of some DER: its tag, what is in it, and what comes after it.
fn value(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (inside, rest) = rest.split_at_checked(length)?;
    Some((*tag, inside, rest))
}

/// The values one after the other.
fn values(mut der: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (tag, inside, rest) = value(der)?;
        der = rest;
        Some((tag, inside))
    })
}

/// Reads PEM.
fn read(pem: &str) -> Option<Request> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    let der = BASE64.decode(body.as_bytes()).ok()?;
    let (_, signed, _) = value(&der)?;
    let (_, info, _) = value(signed)?;
    let mut parts = values(info).skip(1);
    let mut found = Request::default();
    for (_, set) in values(parts.next()?.1) {
        for (_, pair) in values(set) {
            let mut pair = values(pair).map(|(_, inside)| inside);
            if let (Some([0x55, 0x04, part]), Some(text)) = (pair.next(), pair.next()) {
                found.subject.push((*part, String::from_utf8_lossy(text).into_owned()));
            }
        }
    }
    let attributes = parts.find(|(tag, _)| *tag == 0xa0).map_or(&[][..], |(_, inside)| inside);
    for (_, attribute) in values(attributes) {
        let mut attribute = values(attribute).map(|(_, inside)| inside);
        if attribute.next() != Some(EXTENSIONS) {
            continue;
        }
        let all = attribute.next().and_then(value).map_or(&[][..], |(_, inside, _)| inside);
        for (_, extension) in values(all) {
            let mut extension = values(extension).map(|(_, inside)| inside);
            if extension.next() == Some(OTHER_NAMES) {
                let names = extension.last().and_then(value).map_or(&[][..], |(_, inside, _)| inside);
                found.others.extend(values(names).map(|(tag, name)| (tag, shown(tag, name))));
            }
        }
    }
    Some(found)
}

/// A name as text; addresses are bytes.
fn shown(tag: u8, name: &[u8]) -> String {
    match (tag, <[u8; 4]>::try_from(name), <[u8; 16]>::try_from(name)) {
        (0x87, Ok(address), _) => Ipv4Addr::from(address).to_string(),
        (0x87, _, Ok(address)) => Ipv6Addr::from(address).to_string(),
        _ => String::from_utf8_lossy(name).into_owned(),
    }
}

/// Describes a CertificateSigningRequest.
pub fn request(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let pem = BASE64.decode(text_at(object, &["spec", "request"]).as_bytes()).unwrap_or_default();
    let Some(asked) = read(&String::from_utf8_lossy(&pem)) else {
        return fail("Error parsing CSR: asn1: structure error");
    };
    let mut page = Page::default();
    page.pair(0, "Name", text_at(object, &["metadata", "name"]));
    for (title, field) in [("Labels", "labels"), ("Annotations", "annotations")] {
        let all: Vec<String> = entries(object, &["metadata", field])
            .into_iter()
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")))
            .collect();
        page.pair(0, title, if all.is_empty() { "<none>".to_owned() } else { all.join(",") });
    }
    let made = timestamp::parse(text_at(object, &["metadata", "creationTimestamp"])).unwrap_or(0);
    page.pair(0, "CreationTimestamp", timestamp::rfc1123z(made));
    page.pair(0, "Requesting User", text_at(object, &["spec", "username"]));
    page.pair(0, "Signer", text_at(object, &["spec", "signerName"]));
    if let Some(seconds) = int_at(object, &["spec", "expirationSeconds"]) {
        page.pair(0, "Requested Duration", duration::human(seconds));
    }
    page.pair(0, "Status", status(object));
    page.line(0, "Subject:");
    let of = |all: &[(u8, String)], wanted: u8| -> Vec<String> {
        all.iter().filter(|(which, _)| *which == wanted).map(|(_, text)| text.clone()).collect()
    };
    for (title, part) in [("Common Name", COMMON_NAME), ("Serial Number", SERIAL_NUMBER)] {
        let last = of(&asked.subject, part).pop().unwrap_or_default();
        page.line(0, format!("\t{title}:\t{last}"));
    }
    for (part, title) in PARTS {
        list(&mut page, title, &of(&asked.subject, part));
    }
    if KINDS.iter().any(|(tag, _)| !of(&asked.others, *tag).is_empty()) {
        page.line(0, "Subject Alternative Names:");
        for (tag, title) in KINDS {
            list(&mut page, title, &of(&asked.others, tag));
        }
    }
    events::append(ctx, &mut page, "CertificateSigningRequest", object)?;
    Ok(page.finish())
}

/// Values one below the other, if there are some.
fn list(page: &mut Page, title: &str, all: &[String]) {
    if !all.is_empty() {
        page.line(0, format!("\t{title}:\t{}", all.join("\n\t\t")));
    }
}

/// What was decided, and what came of it.
fn status(object: &Value) -> String {
    let has = |wanted: &str| items(object, &["status", "conditions"]).iter().any(|given| text(given, "type") == wanted);
    // A denial wins.
    let mut status = if has("Denied") {
        "Denied"
    } else if has("Approved") {
        "Approved"
    } else {
        "Pending"
    }
    .to_owned();
    if has("Failed") {
        status.push_str(",Failed");
    }
    if !text_at(object, &["status", "certificate"]).is_empty() {
        status.push_str(",Issued");
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `openssl req -new -addext subjectAltName=…`
    const PEM: &str = "-----BEGIN CERTIFICATE REQUEST-----\n\
         MIIBkTCCATgCAQAwaDELMAkGA1UEBhMCREUxDzANBgNVBAgMBkhlc3NlbjEOMAwGA1UEBwwFTWFpbnoxDTALBgNVBAoMBHRl\n\
         YW0xDTALBgNVBAoMBHNob3AxDDAKBgNVBAsMA3dlYjEMMAoGA1UEAwwDZGV2MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n\
         WD2Aq0veSIa8+n4EUnvaO0HaSxDHNTZZpecTq3VhNwhZn7OcxVwMlr5Bc+X0XTd5K4CqR7/bVvKDwVghQjybG6BuMGwGCSqG\n\
         SIb3DQEJDjFfMF0wWwYDVR0RBFQwUoIJd2ViLmxvY2FsggpzaG9wLmxvY2FshwQKAAABhxD9AAAAAAAAAAAAAAAAAAABgQ53\n\
         ZWJAc2hvcC5sb2NhbIYRc3BpZmZlOi8vc2hvcC93ZWIwCgYIKoZIzj0EAwIDRwAwRAIgF51prQYtOJNnZ0g9nRvWt+XuEIz6\n\
         aZNdHfcWOkVqhfMCIH0N/D+2+2DruML+2nleXt2D2XMj2EviSvt3o8YlGJix\n\
         -----END CERTIFICATE REQUEST-----\n";

    #[test]
    fn what_a_request_says_is_read() {
        let asked = read(PEM).expect("a request");
        let subject: Vec<(u8, &str)> = asked.subject.iter().map(|(part, text)| (*part, text.as_str())).collect();
        let wanted = [(6, "DE"), (8, "Hessen"), (7, "Mainz"), (10, "team"), (10, "shop"), (11, "web"), (3, "dev")];
        assert_eq!(subject, wanted);
        let others: Vec<(u8, &str)> = asked.others.iter().map(|(tag, text)| (*tag, text.as_str())).collect();
        let names = [(0x82, "web.local"), (0x82, "shop.local"), (0x87, "10.0.0.1"), (0x87, "fd00::1")];
        assert_eq!(others[..4], names);
        assert_eq!(others[4..], [(0x81, "web@shop.local"), (0x86, "spiffe://shop/web")]);
        assert_eq!(read("-----BEGIN\nMAo=\n-----END"), None);
        for cut in 0..PEM.len() {
            _ = read(&PEM[..cut]);
        }
    }
}
