//! Addresses and ranges of them. Models `IsValidIP`, `IsValidCIDR` and `ValidateEndpointIP` of
//! `k8s.io/apimachinery/pkg/util/validation/ip.go` and `pkg/apis/core/validation/validation.go`.

use std::net::IpAddr;

use serde_json::json;

use super::error::invalid;
use crate::api::FieldError;

/// What is wrong with an address.
pub fn wrong(text: &str) -> Option<&'static str> {
    if text.parse::<IpAddr>().is_ok() {
        return None;
    }
    Some(match is_padded(text) {
        true => "must not have leading 0s",
        false => "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
    })
}

/// What is wrong with an address that must be written in the one form that it has.
pub fn canonical(text: &str) -> Vec<String> {
    match text.parse::<IpAddr>() {
        Ok(ip) if ip.to_string() != text => vec![format!("must be in canonical form (\"{ip}\")")],
        _ => wrong(text).map(str::to_owned).into_iter().collect(),
    }
}

/// Four numbers that would be an address without the zeros before them.
fn is_padded(text: &str) -> bool {
    let part = |p: &str| !p.is_empty() && p.len() <= 3 && p.bytes().all(|b| b.is_ascii_digit());
    text.split('.').count() == 4 && text.split('.').all(part)
}

/// An address, at `field`.
pub fn address(text: &str, field: &str, errors: &mut Vec<FieldError>) {
    if let Some(why) = wrong(text) {
        errors.push(invalid(field, &json!(text), why));
    }
}

/// Whether the address of a range, or its length, is written with zeros before a number.
fn is_padded_range(text: &str) -> bool {
    let Some((ip, bits)) = text.split_once('/') else { return false };
    let odd = |number: &str| number.len() > 1 && number.starts_with('0');
    (is_padded(ip) && ip.split('.').any(odd)) || (odd(bits) && bits.bytes().all(|b| b.is_ascii_digit()))
}

/// A range of addresses, at `field`.
pub fn range(text: &str, field: &str, errors: &mut Vec<FieldError>) {
    if is_padded_range(text) {
        errors.push(invalid(field, &json!(text), "must not have leading 0s in IP or prefix length"));
    } else {
        range_of_old(text, field, errors);
    }
}

/// A range of addresses where zeros before a number were always allowed.
pub fn range_of_old(text: &str, field: &str, errors: &mut Vec<FieldError>) {
    if !is_padded_range(text) && text.parse::<ipnet::IpNet>().is_err() {
        let why = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
        errors.push(invalid(field, &json!(text), why));
    }
}

/// Whether an error says that an address or a range is written with zeros before a number.
pub fn is_padding(error: &FieldError) -> bool {
    error.message.ends_with("must not have leading 0s")
        || error.message.ends_with("must not have leading 0s in IP or prefix length")
}

/// Why nothing can be sent to an address from elsewhere.
pub fn unreachable(address: IpAddr) -> Option<String> {
    Some(match address {
        a if a.is_unspecified() => format!("may not be unspecified ({a})"),
        a if a.is_loopback() => "may not be in the loopback range (127.0.0.0/8, ::1/128)".into(),
        IpAddr::V4(a) if a.is_link_local() => "may not be in the link-local range (169.254.0.0/16, fe80::/10)".into(),
        IpAddr::V6(a) if a.is_unicast_link_local() => {
            "may not be in the link-local range (169.254.0.0/16, fe80::/10)".into()
        }
        IpAddr::V4(a) if a.octets()[..3] == [224, 0, 0] => {
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)".into()
        }
        IpAddr::V6(a) if a.segments()[0] & 0xff0f == 0xff02 => {
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)".into()
        }
        _ => return None,
    })
}
