//! Share links: version + seed + scenario + command log, in the fragment of a URL.
//!
//! `1.` then base64url of deflate of postcard of [`Recipe`]. Inflating is bounded. Core types are never in a link, and a
//! version that was ever published keeps decoding (golden links in the tests).

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use crate::sim::Time;

/// The most bytes that a link may inflate to.
pub const MOST_INFLATED: usize = 8 << 20;

/// The prefix of links of this version.
const VERSION: &str = "1";

/// How a state came about: what is shared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// The words after `!cluster`.
    pub scenario: String,
    /// What was done, in order.
    pub log: Vec<Logged>,
    /// The moment that is shared.
    pub until: Time,
    /// How many events had happened by then: several may happen at one time.
    pub steps: u64,
    /// The lesson that is open, with its current step.
    pub lesson: Option<(String, u16)>,
}

/// Something that was done from outside the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Logged {
    /// When.
    pub at: Time,
    /// How many events had happened by then.
    pub step: u64,
    /// What.
    pub what: Action,
}

/// What can be done from outside the cluster. Variants are only ever added at the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    /// A line of the terminal (with its here-document, if it has one).
    Line {
        /// The line.
        line: String,
        /// The files that it read, with their content.
        files: Vec<(String, Vec<u8>)>,
    },
    /// Ctrl-C in the terminal.
    Interrupt,
    /// A fault: the words after `!fault`.
    Fault(String),
}

/// Why a link cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// It is none of ours, or it is damaged.
    Damaged,
    /// A later version made it.
    TooNew,
    /// It inflates to more than is allowed.
    TooBig,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LinkError::Damaged => "the link is damaged or incomplete",
            LinkError::TooNew => "the link was made by a later version of Kubarium",
            LinkError::TooBig => "the link holds more than 8 MiB",
        })
    }
}

/// The fragment of a link, without `#`.
pub fn encode(recipe: &Recipe) -> String {
    let plain = postcard::to_allocvec(recipe).expect("a recipe is plain data");
    let deflated = miniz_oxide::deflate::compress_to_vec(&plain, 9);
    format!("{VERSION}.{}", BASE64URL_NOPAD.encode(&deflated))
}

/// Reads the fragment of a link, with or without `#`, or a whole link.
///
/// # Errors
/// Anything that is not a link of this or an earlier version, or inflates to more than [`MOST_INFLATED`].
pub fn decode(link: &str) -> Result<Recipe, LinkError> {
    let fragment = link.rsplit_once('#').map_or(link, |(_, fragment)| fragment).trim();
    let (version, payload) = fragment.split_once('.').ok_or(LinkError::Damaged)?;
    match version.parse::<u32>() {
        Ok(1) => {}
        Ok(0) | Err(_) => return Err(LinkError::Damaged),
        Ok(_) => return Err(LinkError::TooNew),
    }
    let deflated = BASE64URL_NOPAD.decode(payload.as_bytes()).map_err(|_| LinkError::Damaged)?;
    let plain =
        miniz_oxide::inflate::decompress_to_vec_with_limit(&deflated, MOST_INFLATED).map_err(|e| match e.status {
            miniz_oxide::inflate::TINFLStatus::HasMoreOutput => LinkError::TooBig,
            _ => LinkError::Damaged,
        })?;
    postcard::from_bytes(&plain).map_err(|_| LinkError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe() -> Recipe {
        Recipe {
            scenario: "nodes=3 seed=7".into(),
            log: vec![Logged {
                at: Time(5),
                step: 3,
                what: Action::Line { line: "kubectl get pods".into(), files: Vec::new() },
            }],
            until: Time(9),
            steps: 7,
            lesson: Some(("pods".into(), 2)),
        }
    }

    #[test]
    fn a_link_gives_back_what_was_shared() {
        assert_eq!(decode(&encode(&recipe())), Ok(recipe()));
        assert_eq!(decode(&format!("http://127.0.0.1:8080/?lang=zh#{}", encode(&recipe()))), Ok(recipe()));
    }

    #[test]
    fn damaged_newer_and_hostile_links_are_told_apart() {
        let link = encode(&recipe());
        assert_eq!(decode(&link[..link.len() - 4]), Err(LinkError::Damaged));
        assert_eq!(decode("hello"), Err(LinkError::Damaged));
        assert_eq!(decode("2.AAAA"), Err(LinkError::TooNew));
        let bomb = miniz_oxide::deflate::compress_to_vec(&vec![0; MOST_INFLATED + 1], 9);
        assert_eq!(decode(&format!("1.{}", BASE64URL_NOPAD.encode(&bomb))), Err(LinkError::TooBig));
    }
}
