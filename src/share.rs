//! Share links: version + seed + scenario + command log, in the fragment of a URL.
//!
//! ```text
//! 1.  base64url of deflate of postcard of Recipe     a cluster
//! 2.  base64url of deflate of postcard of Shared     a cluster, a lesson or a packet, with what is shown beside it
//! ```
//!
//! A file that stands for a link that would be too long holds the same text. Inflating is bounded. Core types are never in a
//! link, and a version that was ever published keeps decoding (golden links in the tests).

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use crate::sim::Time;
use crate::view::Locale;

/// The most bytes that a link may inflate to.
pub const MOST_INFLATED: usize = 8 << 20;

/// The prefix of links with a cluster alone.
const VERSION: &str = "1";
/// The prefix of links with more.
const VERSION_SHARED: &str = "2";

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

/// What a link holds since version 2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// What was meant to be shared.
    pub what: What,
    /// The cluster; of a lesson that is begun, only the lesson's name.
    pub recipe: Recipe,
    /// What is shown beside it.
    pub shown: Shown,
    /// The Markdown of the open lesson if it is not one of ours.
    pub lesson: Markdown,
    /// What the release that made the link saw; `None` for links of version 1.
    pub seen: Option<Seen>,
}

/// What was meant to be shared. Variants are only ever added at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// A cluster as it is, at one moment.
    #[default]
    Cluster,
    /// A lesson, to be begun.
    Lesson,
    /// A packet in a cluster.
    Packet,
}

/// What is shown beside a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The panels, by their names in the document; the last is the one that matters most.
    pub panels: Vec<String>,
    /// What is selected.
    pub selected: Option<Selected>,
    /// The number of the chosen packet.
    pub packet: Option<u64>,
}

/// What is selected. Variants are only ever added at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Selected {
    /// An object: group and version, kind, namespace (empty for what has none), name.
    Object([String; 4]),
    /// The learner's own client.
    Client,
    /// A process: the name of the program, and its node.
    Process(String, Option<String>),
    /// A node.
    Node(String),
    /// A pod's network: namespace, name.
    Pod(String, String),
    /// The registry.
    Registry,
    /// What is beyond the cluster.
    Outside,
}

/// A lesson's text, by language.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Markdown {
    /// English.
    pub en: Option<String>,
    /// Chinese, simplified.
    pub zh: Option<String>,
}

impl Markdown {
    /// A text in one language.
    pub fn of(locale: Locale, text: String) -> Markdown {
        match locale {
            Locale::En => Markdown { en: Some(text), zh: None },
            Locale::Zh => Markdown { en: None, zh: Some(text) },
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.en.is_none() && self.zh.is_none()
    }

    /// The texts that there are.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        [&self.en, &self.zh].into_iter().filter_map(|text| text.as_deref())
    }
}

/// What a release saw in the cluster that it shared, so that another can say what it sees otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The release.
    pub release: String,
    /// Of each kind that there is anything of: its plural, how many, and a digest of their names and states.
    pub kinds: Vec<(String, u32, u32)>,
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

/// The fragment of a link to a cluster, without `#`.
pub fn encode(recipe: &Recipe) -> String {
    packed(VERSION, recipe)
}

/// The fragment of a link, without `#`.
pub fn encode_shared(shared: &Shared) -> String {
    packed(VERSION_SHARED, shared)
}

fn packed(version: &str, payload: &impl Serialize) -> String {
    let plain = postcard::to_allocvec(payload).expect("what is shared is plain data");
    let deflated = miniz_oxide::deflate::compress_to_vec(&plain, 9);
    format!("{version}.{}", BASE64URL_NOPAD.encode(&deflated))
}

/// Reads the fragment of a link, with or without `#`, or a whole link; only the cluster of it.
///
/// # Errors
/// As [`open`].
pub fn decode(link: &str) -> Result<Recipe, LinkError> {
    open(link).map(|shared| shared.recipe)
}

/// Reads the fragment of a link, with or without `#`, or a whole link.
///
/// # Errors
/// Anything that is not a link of this or an earlier version, or inflates to more than [`MOST_INFLATED`].
pub fn open(link: &str) -> Result<Shared, LinkError> {
    let fragment = link.rsplit_once('#').map_or(link, |(_, fragment)| fragment).trim();
    let (version, payload) = fragment.split_once('.').ok_or(LinkError::Damaged)?;
    match version.parse::<u32>() {
        Ok(1) => Ok(Shared { recipe: unpacked(payload)?, ..Shared::default() }),
        Ok(2) => unpacked(payload),
        Ok(0) | Err(_) => Err(LinkError::Damaged),
        Ok(_) => Err(LinkError::TooNew),
    }
}

fn unpacked<T: for<'a> Deserialize<'a>>(payload: &str) -> Result<T, LinkError> {
    if payload.len() > MOST_INFLATED {
        return Err(LinkError::TooBig);
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
    fn no_cut_and_no_changed_letter_makes_more_of_a_link_than_an_error_or_another_link() {
        let text = Markdown { en: Some("---\ntitle: T\n---\n".repeat(40)), zh: None };
        let shared = Shared { what: What::Lesson, recipe: recipe(), lesson: text, ..Shared::default() };
        let link = encode_shared(&shared);
        assert_eq!(open(&link), Ok(shared));
        for at in 0..link.len() {
            assert_eq!(open(&link[..at]), Err(LinkError::Damaged), "cut at {at}");
            for letter in ["A", "_", "!", "9"] {
                let changed = format!("{}{letter}{}", &link[..at], &link[at + 1..]);
                open(&changed).ok();
            }
        }
    }

    #[test]
    fn a_list_that_claims_to_be_long_is_not_believed() {
        // A recipe whose scenario, and one whose log, says that it has 2^60 elements.
        for plain in [
            vec![0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10],
            vec![0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10],
        ] {
            let deflated = miniz_oxide::deflate::compress_to_vec(&plain, 9);
            assert_eq!(decode(&format!("1.{}", BASE64URL_NOPAD.encode(&deflated))), Err(LinkError::Damaged));
        }
    }

    #[test]
    fn damaged_newer_and_hostile_links_are_told_apart() {
        let link = encode(&recipe());
        assert_eq!(decode(&link[..link.len() - 4]), Err(LinkError::Damaged));
        assert_eq!(decode("hello"), Err(LinkError::Damaged));
        assert_eq!(decode("3.AAAA"), Err(LinkError::TooNew));
        assert_eq!(decode("2.AAAA"), Err(LinkError::Damaged));
        let bomb = miniz_oxide::deflate::compress_to_vec(&vec![0; MOST_INFLATED + 1], 9);
        for version in [1, 2] {
            let bomb = format!("{version}.{}", BASE64URL_NOPAD.encode(&bomb));
            assert_eq!(decode(&bomb), Err(LinkError::TooBig), "version {version}");
        }
        assert_eq!(decode(&format!("1.{}", "A".repeat(MOST_INFLATED + 4))), Err(LinkError::TooBig));
    }
}
