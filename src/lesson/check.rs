//! The language of checks: what must be true of the cluster. A line a check; all must hold.
//!
//! ```text
//! pods -l app=web where ready count >= 3 -- Three pods of the web are ready.
//! deployments web where .spec.replicas = 5
//! no pods -l app=old
//! pods -l app=web distinct .spec.nodeName >= 2
//! packet from app=client to app=web through flannel0
//! ```
//!
//! `-n NAMESPACE` and `-A` choose namespaces (`default` otherwise); `where` takes conditions joined by `and`: `ready`, or a
//! path ([`super::path`]), one of `=` `!=` `>=` `<=` `>` `<` `~` (contains) and a value. Without `count` or `distinct`, at least
//! one object must fit. After ` -- ` stands what is missing as long as the check does not hold.

use crate::sim::{VecMap, VecSet};
use std::fmt;

use serde_json::Value;

use crate::lesson::path::Path;

/// What checks can see.
pub trait Facts {
    /// All objects of a resource (its plural name) as JSON, in every namespace; `None` if there is no such resource.
    fn objects(&self, resource: &str) -> Option<Vec<Value>>;
    /// The packets that arrived.
    fn packets(&self) -> Vec<PacketFact>;
}

/// A packet that arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PacketFact {
    /// The labels of the pod that sent it; empty if no pod did.
    pub from: VecMap<String, String>,
    /// The labels of the pod that got it.
    pub to: VecMap<String, String>,
    /// The devices that it passed.
    pub devices: Vec<String>,
    /// The destination to which it was first sent was a service's.
    pub via_service: Option<String>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Check {
    claim: Claim,
    /// What is missing as long as it does not hold.
    pub missing: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Claim {
    Objects { choice: Choice, conditions: Vec<Condition>, measure: Measure, relation: Relation, number: u64 },
    Packet { from: Labels, to: Labels, through: Vec<String>, service: Option<String> },
}

type Labels = VecMap<String, String>;

/// Which objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Choice {
    resource: String,
    name: Option<String>,
    namespace: Option<String>,
    all_namespaces: bool,
    labels: Labels,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Condition {
    path: Path,
    relation: Relation,
    value: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Measure {
    Count,
    Distinct(Path),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Relation {
    Equal,
    NotEqual,
    AtLeast,
    AtMost,
    More,
    Less,
    Contains,
}

/// A line is no check; says which words are at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckError(pub String);

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Check {
    /// Reads a line.
    ///
    /// # Errors
    /// Words that the language does not have.
    pub fn parse(line: &str) -> Result<Check, CheckError> {
        let (claim, missing) = line.split_once(" -- ").unwrap_or((line, line));
        let mut words = Words(claim.split_whitespace().collect());
        let claim = if words.take("packet") { packet(&mut words)? } else { objects(&mut words)? };
        match words.0.first() {
            None => Ok(Check { claim, missing: missing.trim().to_owned() }),
            Some(word) => Err(CheckError(format!("{word:?} was not expected in {line:?}"))),
        }
    }

    /// Whether it is true.
    pub fn holds(&self, facts: &dyn Facts) -> bool {
        match &self.claim {
            Claim::Objects { choice, conditions, measure, relation, number } => {
                let objects = facts.objects(&choice.resource).unwrap_or_default();
                let fit = objects.iter().filter(|o| choice.fits(o) && conditions.iter().all(|c| c.holds(o)));
                let measured = match measure {
                    Measure::Count => fit.count() as u64,
                    Measure::Distinct(path) => fit.flat_map(|o| path.values(o)).collect::<VecSet<_>>().len() as u64,
                };
                relation.of_numbers(measured, *number)
            }
            Claim::Packet { from, to, through, service } => facts.packets().iter().any(|packet| {
                has_labels(&packet.from, from)
                    && has_labels(&packet.to, to)
                    && through.iter().all(|device| packet.devices.contains(device))
                    && service.as_ref().is_none_or(|wanted| packet.via_service.as_ref() == Some(wanted))
            }),
        }
    }

    /// What it claims, without its words: two languages of one lesson must claim the same.
    pub fn same_claim(&self, other: &Check) -> bool {
        self.claim == other.claim
    }
}

struct Words<'t>(Vec<&'t str>);

impl<'t> Words<'t> {
    fn take(&mut self, word: &str) -> bool {
        let found = self.0.first() == Some(&word);
        if found {
            self.0.remove(0);
        }
        found
    }

    fn next(&mut self, what: &str) -> Result<&'t str, CheckError> {
        if self.0.is_empty() {
            return Err(CheckError(format!("{what} is missing")));
        }
        Ok(self.0.remove(0))
    }

    fn relation(&mut self) -> Result<Relation, CheckError> {
        let word = self.next("one of = != >= <= > < ~")?;
        Relation::parse(word).ok_or_else(|| CheckError(format!("{word:?} is none of = != >= <= > < ~")))
    }

    fn path(&mut self) -> Result<Path, CheckError> {
        let word = self.next("a path")?;
        Path::parse(word).ok_or_else(|| CheckError(format!("{word:?} is no path such as .spec.replicas")))
    }

    fn number(&mut self) -> Result<u64, CheckError> {
        let word = self.next("a number")?;
        word.parse().map_err(|_| CheckError(format!("{word:?} is no number")))
    }
}

fn objects(words: &mut Words<'_>) -> Result<Claim, CheckError> {
    let none = words.take("no");
    let mut choice = Choice { resource: words.next("a resource such as pods")?.to_owned(), ..Choice::default() };
    loop {
        if words.take("-l") {
            choice.labels = labels(words.next("labels such as app=web")?)?;
        } else if words.take("-n") {
            choice.namespace = Some(words.next("a namespace")?.to_owned());
        } else if words.take("-A") {
            choice.all_namespaces = true;
        } else if words.0.first().is_some_and(|w| !matches!(*w, "where" | "count" | "distinct"))
            && choice.name.is_none()
        {
            choice.name = Some(words.next("a name")?.to_owned());
        } else {
            break;
        }
    }
    let mut conditions = Vec::new();
    if words.take("where") {
        conditions.push(condition(words)?);
        while words.take("and") {
            conditions.push(condition(words)?);
        }
    }
    let measure = if words.take("distinct") {
        Some(Measure::Distinct(words.path()?))
    } else {
        words.take("count").then_some(Measure::Count)
    };
    let (measure, relation, number) = match measure {
        Some(measure) => (measure, words.relation()?, words.number()?),
        None if none => (Measure::Count, Relation::Equal, 0),
        None => (Measure::Count, Relation::AtLeast, 1),
    };
    Ok(Claim::Objects { choice, conditions, measure, relation, number })
}

fn condition(words: &mut Words<'_>) -> Result<Condition, CheckError> {
    if words.take("ready") {
        let path = Path::parse(".status.conditions[type=Ready].status").expect("this is a path");
        return Ok(Condition { path, relation: Relation::Equal, value: "True".into() });
    }
    let (path, relation) = (words.path()?, words.relation()?);
    Ok(Condition { path, relation, value: words.next("a value")?.to_owned() })
}

fn packet(words: &mut Words<'_>) -> Result<Claim, CheckError> {
    let (mut from, mut to, mut through, mut service) = (Labels::new(), Labels::new(), Vec::new(), None);
    loop {
        if words.take("from") {
            from = labels(words.next("labels such as app=client")?)?;
        } else if words.take("to") {
            to = labels(words.next("labels such as app=web")?)?;
        } else if words.take("through") {
            through = words.next("devices such as veth,docker0")?.split(',').map(str::to_owned).collect();
        } else if words.take("service") {
            service = Some(words.next("a service")?.to_owned());
        } else {
            return Ok(Claim::Packet { from, to, through, service });
        }
    }
}

fn labels(text: &str) -> Result<Labels, CheckError> {
    text.split(',')
        .map(|pair| pair.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())))
        .collect::<Option<Labels>>()
        .ok_or_else(|| CheckError(format!("{text:?} are no labels such as app=web")))
}

fn has_labels(have: &Labels, wanted: &Labels) -> bool {
    wanted.iter().all(|(key, value)| have.get(key) == Some(value))
}

impl Choice {
    fn fits(&self, object: &Value) -> bool {
        let meta = &object["metadata"];
        let namespace = meta["namespace"].as_str();
        let wanted = self.namespace.as_deref().unwrap_or("default");
        let labels: Labels = serde_json::from_value(meta["labels"].clone()).unwrap_or_default();
        (self.all_namespaces || namespace.is_none_or(|n| n == wanted))
            && self.name.as_deref().is_none_or(|name| meta["name"].as_str() == Some(name))
            && has_labels(&labels, &self.labels)
            && (self.resource != "pods" || meta.get("deletionTimestamp").is_none())
    }
}

impl Condition {
    /// `!=` holds if no value equals; the others if any value fits.
    fn holds(&self, object: &Value) -> bool {
        let values = self.path.values(object);
        match self.relation {
            Relation::NotEqual => values.iter().all(|value| *value != self.value),
            Relation::Equal => values.contains(&self.value),
            Relation::Contains => values.iter().any(|value| value.contains(&self.value)),
            relation => values.iter().any(|value| match (value.parse(), self.value.parse()) {
                (Ok(left), Ok(right)) => relation.of_numbers(left, right),
                _ => false,
            }),
        }
    }
}

impl Relation {
    fn parse(word: &str) -> Option<Relation> {
        Some(match word {
            "=" => Relation::Equal,
            "!=" => Relation::NotEqual,
            ">=" => Relation::AtLeast,
            "<=" => Relation::AtMost,
            ">" => Relation::More,
            "<" => Relation::Less,
            "~" => Relation::Contains,
            _ => return None,
        })
    }

    fn of_numbers(self, left: u64, right: u64) -> bool {
        match self {
            Relation::Equal => left == right,
            Relation::NotEqual => left != right,
            Relation::AtLeast => left >= right,
            Relation::AtMost => left <= right,
            Relation::More => left > right,
            Relation::Less => left < right,
            Relation::Contains => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct World;

    impl Facts for World {
        fn objects(&self, resource: &str) -> Option<Vec<Value>> {
            let pod = |name: &str, app: &str, node: &str, ready: &str| {
                json!({"metadata": {"name": name, "namespace": "default", "labels": {"app": app}},
                    "spec": {"nodeName": node},
                    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}})
            };
            match resource {
                "pods" => Some(vec![
                    pod("a", "web", "n1", "True"),
                    pod("b", "web", "n2", "True"),
                    pod("c", "db", "n1", "False"),
                ]),
                "deployments" => {
                    Some(vec![json!({"metadata": {"name": "web", "namespace": "default"}, "spec": {"replicas": 2}})])
                }
                _ => None,
            }
        }

        fn packets(&self) -> Vec<PacketFact> {
            let app = |name: &str| VecMap::from([("app".to_owned(), name.to_owned())]);
            vec![PacketFact {
                from: app("client"),
                to: app("web"),
                devices: vec!["eth0".into(), "docker0".into(), "flannel0".into()],
                via_service: None,
            }]
        }
    }

    #[test]
    fn checks_are_true_or_false_of_the_cluster() {
        for (line, expected) in [
            ("pods -l app=web where ready count >= 2", true),
            ("pods -l app=web where ready count > 2", false),
            ("pods a", true),
            ("pods a where .spec.nodeName = n2", false),
            ("pods where ready and .spec.nodeName != n2 count = 1", true),
            ("no pods -l app=old", true),
            ("no pods -l app=web", false),
            ("pods -l app=web distinct .spec.nodeName = 2", true),
            ("pods -n other", false),
            ("deployments web where .spec.replicas >= 2", true),
            ("jobs", false),
            ("packet from app=client to app=web through flannel0", true),
            ("packet from app=client to app=web through flannel.1", false),
            ("packet from app=web", false),
        ] {
            assert_eq!(Check::parse(line).map(|check| check.holds(&World)), Ok(expected), "{line}");
        }
    }

    #[test]
    fn what_is_no_check_says_which_word() {
        for (line, message) in [
            ("pods count => 3", "\"=>\" is none of = != >= <= > < ~"),
            ("pods a b", "\"b\" was not expected in \"pods a b\""),
            ("pods where phase = Running", "\"phase\" is no path such as .spec.replicas"),
            ("pods count >= many", "\"many\" is no number"),
            ("packet from web", "\"web\" are no labels such as app=web"),
        ] {
            assert_eq!(Check::parse(line), Err(CheckError(message.into())), "{line}");
        }
    }
}
