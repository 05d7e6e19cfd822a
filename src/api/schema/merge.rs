//! How server-side apply merges structs, maps and lists: as a whole, field by field, or item by item.
//!
//! The table is generated from the crate `k8s-pb`, whose comments keep upstream's markers. One line a struct:
//!
//! ```text
//! LabelSelector *                      the struct is merged as a whole
//! ServiceSpec ports:port,protocol      the items of a list are told apart by these keys
//! ObjectMeta finalizers:=              the list is a set
//! ServiceSpec selector:*               the map is merged as a whole
//! ```
//!
//! What the table does not name: structs and maps are merged field by field, lists as a whole.

use std::sync::OnceLock;

use crate::api::schema::{Field, Struct, Type};
use crate::sim::VecMap;

const TABLE: &str = include_str!("merge.txt");

/// How a value is merged.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// As a whole.
    Leaf,
    /// Field by field.
    Struct(Struct),
    /// Key by key.
    Map(&'static Type),
    /// Item by item, told apart by these keys.
    Keyed(Struct, &'static [&'static str]),
    /// As a set of scalars.
    Set,
    /// Key by key if it is a map, else as a whole.
    Deduced,
}

/// How a list or a map is merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// As a whole.
    Whole,
    /// As a set.
    Set,
    /// Item by item, told apart by these keys.
    Keys(Vec<&'static str>),
}

/// How a struct is merged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whether as a whole.
    pub whole: bool,
    /// The fields for which something is said.
    pub fields: VecMap<&'static str, Rule>,
}

impl Struct {
    /// How the struct itself is merged.
    pub fn shape(self) -> Shape {
        if self.rules().is_some_and(|rules| rules.whole) { Shape::Leaf } else { Shape::Struct(self) }
    }

    fn rules(self) -> Option<&'static Rules> {
        self.custom.map_or_else(|| rules(self.id), |custom| Some(&custom.rules))
    }

    /// How the value of one of its fields is merged.
    pub fn shape_of(&self, field: &'static Field) -> Shape {
        let rule = self.rules().and_then(|rules| rules.fields.get(field.name));
        match (&field.ty, rule) {
            (_, Some(Rule::Whole)) => Shape::Leaf,
            (Type::List(item), Some(Rule::Keys(keys))) => match item.as_struct() {
                Some(of) => Shape::Keyed(of, keys),
                None => Shape::Leaf,
            },
            (Type::List(_), Some(Rule::Set)) => Shape::Set,
            (ty, _) => ty.shape(),
        }
    }
}

impl Type {
    /// How a value of the type is merged where nothing else is said.
    pub fn shape(&'static self) -> Shape {
        match self {
            Type::Struct(_) | Type::Custom(_) => self.as_struct().map_or(Shape::Leaf, Struct::shape),
            Type::Deduced => Shape::Deduced,
            Type::Map(item) => Shape::Map(item),
            _ => Shape::Leaf,
        }
    }
}

fn rules(id: &str) -> Option<&'static Rules> {
    static PARSED: OnceLock<VecMap<&'static str, Rules>> = OnceLock::new();
    PARSED.get_or_init(|| TABLE.lines().filter_map(parse).collect()).get(id)
}

fn parse(line: &'static str) -> Option<(&'static str, Rules)> {
    let mut words = line.split(' ');
    let id = words.next()?;
    let mut rules = Rules::default();
    for word in words {
        match word.split_once(':') {
            None => rules.whole = true,
            Some((field, "*")) => drop(rules.fields.insert(field, Rule::Whole)),
            Some((field, "=")) => drop(rules.fields.insert(field, Rule::Set)),
            Some((field, keys)) => drop(rules.fields.insert(field, Rule::Keys(keys.split(',').collect()))),
        }
    }
    Some((id, rules))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::schema::by_id;

    #[test]
    fn lists_are_merged_as_the_markers_say() {
        let shape = |id: &str, field: &str| {
            let of = by_id(id).expect("a struct");
            of.shape_of(of.field(field).expect("a field"))
        };
        assert!(matches!(shape("ServiceSpec", "ports"), Shape::Keyed(_, ["port", "protocol"])));
        assert!(matches!(shape("ServiceSpec", "selector"), Shape::Leaf));
        assert!(matches!(shape("ObjectMeta", "finalizers"), Shape::Set));
        assert!(matches!(shape("ObjectMeta", "labels"), Shape::Map(_)));
        assert!(matches!(shape("Container", "args"), Shape::Leaf));
        assert!(matches!(shape("DeploymentSpec", "selector"), Shape::Leaf));
        assert!(matches!(shape("DeploymentSpec", "strategy"), Shape::Struct(_)));
    }
}
