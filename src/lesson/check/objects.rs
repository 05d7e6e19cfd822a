//! Claims about objects: which of them, what must be true of each, how many must be so.

use serde_json::Value;

use crate::api::Kind;
use crate::lesson::check::words::{CheckError, Labels, Words};
use crate::lesson::path::Path;
use crate::sim::VecSet;

/// So many objects are so.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Objects {
    choice: Choice,
    conditions: Vec<Condition>,
    measure: Measure,
    relation: Relation,
    number: u64,
}

/// Which objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Choice {
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
pub(super) enum Relation {
    Equal,
    NotEqual,
    AtLeast,
    AtMost,
    More,
    Less,
    Contains,
    Present,
    Absent,
}

impl Objects {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Objects, CheckError> {
        let mut choice = Choice {
            resource: words.read(["a resource such as pods", "资源（如 pods）"], |word| {
                Kind::of_any_group(word).map(|_| word.to_owned())
            })?,
            ..Choice::default()
        };
        loop {
            if words.take("-l") {
                choice.labels = words.labels()?;
            } else if words.take("-n") {
                choice.namespace = Some(words.next(["a namespace", "命名空间"])?.to_owned());
            } else if words.take("-A") {
                choice.all_namespaces = true;
            } else if words.peek().is_some_and(|w| !matches!(w, "where" | "count" | "distinct" | "within"))
                && choice.name.is_none()
            {
                choice.name = Some(words.next(["a name", "名称"])?.to_owned());
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
            None => (Measure::Count, Relation::AtLeast, 1),
        };
        Ok(Objects { choice, conditions, measure, relation, number })
    }

    /// The resource that it looks at.
    pub(super) fn resource(&self) -> &str {
        &self.choice.resource
    }

    /// Whether it holds of these objects of its resource.
    pub(super) fn hold(&self, objects: &[Value]) -> bool {
        let fit = objects.iter().filter(|o| self.choice.fits(o) && self.conditions.iter().all(|c| c.holds(o)));
        let measured = match &self.measure {
            Measure::Count => fit.count() as u64,
            Measure::Distinct(path) => fit.flat_map(|o| path.values(o)).collect::<VecSet<_>>().len() as u64,
        };
        self.relation.of_numbers(measured, self.number)
    }
}

fn condition(words: &mut Words<'_>) -> Result<Condition, CheckError> {
    if words.take("ready") {
        let path = Path::parse(".status.conditions[type=Ready].status").expect("this is a path");
        return Ok(Condition { path, relation: Relation::Equal, value: "True".into() });
    }
    if words.take("no") {
        return Ok(Condition { path: words.path()?, relation: Relation::Absent, value: String::new() });
    }
    let path = words.path()?;
    if words.peek().is_none_or(|word| matches!(word, "and" | "count" | "distinct" | "within")) {
        return Ok(Condition { path, relation: Relation::Present, value: String::new() });
    }
    Ok(Condition { path, relation: words.relation()?, value: words.next(["a value", "值"])?.to_owned() })
}

/// Whether all the wanted labels are among those that there are.
pub(super) fn has_labels(have: &Labels, wanted: &Labels) -> bool {
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
    fn holds(&self, object: &Value) -> bool {
        self.relation.of_values(&self.path.values(object), &self.value)
    }
}

impl Relation {
    /// `!=` holds if no value equals; the others if any value fits.
    pub(super) fn of_values(self, values: &[String], wanted: &str) -> bool {
        match self {
            Relation::NotEqual => values.iter().all(|value| *value != wanted),
            Relation::Present => !values.is_empty(),
            Relation::Absent => values.is_empty(),
            Relation::Equal => values.iter().any(|value| value == wanted),
            Relation::Contains => values.iter().any(|value| value.contains(wanted)),
            relation => values.iter().any(|value| match (value.parse(), wanted.parse()) {
                (Ok(left), Ok(right)) => relation.of_numbers(left, right),
                _ => false,
            }),
        }
    }

    pub(super) fn parse(word: &str) -> Option<Relation> {
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

    pub(super) fn of_numbers(self, left: u64, right: u64) -> bool {
        match self {
            Relation::Equal => left == right,
            Relation::NotEqual => left != right,
            Relation::AtLeast => left >= right,
            Relation::AtMost => left <= right,
            Relation::More => left > right,
            Relation::Less => left < right,
            Relation::Contains | Relation::Present | Relation::Absent => false,
        }
    }
}
