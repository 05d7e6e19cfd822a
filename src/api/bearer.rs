//! Tokens of service accounts: JSON web tokens. Models `pkg/serviceaccount/{claims,jwt}.go`.
//!
//! Differs: a token is signed by a checksum with a key that everyone knows, for there is nothing here to steal; who could tell:
//! who verifies the signature.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::api::{Pod, Timestamp};

/// Who makes them, and whom they are for if nobody is named.
pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
/// What the names of service accounts as users begin with.
pub const ACCOUNT: &str = "system:serviceaccount:";
const KEY: &str = "kubarium";
/// What a pod's token asks to hold for, in seconds: then it holds for a year, and a use after that time is warned of
/// (`WarnOnlyBoundTokenExpirationPeriod`).
const EXTENDED: i64 = 3_607;
const YEAR: i64 = 365 * 24 * 3_600;

fn encode(bytes: &[u8]) -> String {
    data_encoding::BASE64URL_NOPAD.encode(bytes)
}

fn signature(head_and_claims: &str) -> String {
    encode(&Sha256::digest(format!("{KEY}.{head_and_claims}")))
}

/// The token with these claims.
pub fn signed(claims: &Value) -> String {
    let head = json!({"alg": "HS256", "kid": KEY, "typ": "JWT"});
    let text = format!("{}.{}", encode(head.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    format!("{text}.{}", signature(&text))
}

/// The claims of a token that we signed.
pub fn claims(token: &str) -> Option<Value> {
    let (text, sum) = token.rsplit_once('.')?;
    if signature(text) != sum {
        return None;
    }
    let (_, claims) = text.split_once('.')?;
    serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(claims.as_bytes()).ok()?).ok()
}

/// Who makes the tokens that stand in Secrets.
pub const LEGACY: &str = "kubernetes/serviceaccount";

/// The token of a service account (namespace, name, uid) in a Secret of that name: it does not expire.
pub fn of_secret((namespace, account, uid): (&str, &str, &str), secret: &str) -> String {
    signed(&json!({
        "iss": LEGACY,
        "kubernetes.io/serviceaccount/namespace": namespace,
        "kubernetes.io/serviceaccount/secret.name": secret,
        "kubernetes.io/serviceaccount/service-account.name": account,
        "kubernetes.io/serviceaccount/service-account.uid": uid,
        "sub": format!("{ACCOUNT}{namespace}:{account}"),
    }))
}

/// The token in a file of a pod: for `audience`, the API server's if that is empty, for so many seconds.
pub fn of_pod(pod: &Pod, audience: &str, seconds: i64, issued: Timestamp) -> String {
    let (meta, account, issued) = (&pod.metadata, &pod.spec.service_account_name, issued.0);
    let audience = if audience.is_empty() { ISSUER } else { audience };
    let holds = if seconds == EXTENDED { YEAR } else { seconds };
    let mut claims = json!({
        "aud": [audience], "exp": issued + holds, "iat": issued, "iss": ISSUER, "nbf": issued,
        "kubernetes.io": {
            "namespace": meta.namespace,
            "node": {"name": pod.spec.node_name},
            "pod": {"name": meta.name, "uid": meta.uid},
            "serviceaccount": {"name": account},
        },
        "sub": format!("{ACCOUNT}{}:{account}", meta.namespace),
    });
    if holds != seconds {
        claims["kubernetes.io"]["warnafter"] = json!(issued + seconds);
    }
    signed(&claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_somebody_changed_is_none() {
        let token = signed(&json!({"sub": "system:serviceaccount:default:one"}));
        assert_eq!(
            claims(&token).map(|claims| claims["sub"].clone()),
            Some(json!("system:serviceaccount:default:one"))
        );
        let other = signed(&json!({"sub": "system:serviceaccount:default:two"}));
        let (forged, _) = other.rsplit_once('.').expect("three parts");
        let (_, sum) = token.rsplit_once('.').expect("three parts");
        assert_eq!(claims(&format!("{forged}.{sum}")), None);
        assert_eq!(claims("x"), None);
    }

    #[test]
    fn a_pods_token_holds_for_a_year_unless_it_asks_for_another_time() {
        let ends = |seconds| {
            let token = of_pod(&Pod::default(), "", seconds, Timestamp(1_000));
            let claims = claims(&token).expect("ours");
            (claims["exp"].as_i64(), claims["kubernetes.io"]["warnafter"].as_i64())
        };
        assert_eq!(ends(3_607), (Some(1_000 + YEAR), Some(4_607)));
        assert_eq!(ends(600), (Some(1_600), None));
    }
}
