//! The schema of every kind: the fields of each type, their types, and the keys by which lists are merged.
//!
//! The table is generated from the crate `k8s-openapi` (Kubernetes v1.36), which is not part of the program itself. One line a
//! type: its name (a group before it where two groups have one of the same name), then its fields as `name:type`, in the order
//! of the Go struct.
//!
//! ```text
//! s text   b truth   i 32-bit   l 64-bit   f float   q quantity   I number or text   t time   m micro time
//! y bytes  a anything   [T] list   {T} map   Name a type of the table
//! @key  lists are merged by that field of their items; @= as sets     +  retain keys     !  required
//! ```

pub mod merge;

use std::sync::OnceLock;

use crate::api::Kind;
use crate::sim::VecMap;

const TABLE: &str = include_str!("schema/table.txt");

/// The type of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text.
    String,
    /// True or false.
    Bool,
    /// A 32-bit integer.
    Int32,
    /// A 64-bit integer.
    Int64,
    /// A number with a fraction.
    Float,
    /// A quantity.
    Quantity,
    /// A number or a text.
    IntOrString,
    /// RFC 3339.
    Time,
    /// RFC 3339 with microseconds.
    MicroTime,
    /// Base64.
    Bytes,
    /// Anything.
    Any,
    /// A list.
    List(Box<Type>),
    /// A map with text keys.
    Map(Box<Type>),
    /// A struct.
    Struct(&'static str),
    /// A struct that a definition describes.
    Custom(&'static Custom),
    /// Whatever the value is: a map with text keys, a list, a scalar.
    Deduced,
}

/// A struct that a definition describes, as custom resources have them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Custom {
    /// The kind, or the name of the field that has it.
    pub name: &'static str,
    /// Its fields.
    pub fields: VecMap<&'static str, Field>,
    /// How it and its fields are merged.
    pub rules: merge::Rules,
    /// What fields are that it does not name, if it may have such.
    pub extra: Option<Type>,
}

impl Custom {
    /// The struct.
    pub fn as_struct(&'static self) -> Struct {
        Struct { id: self.name, fields: &self.fields, custom: Some(self) }
    }
}

/// How a list is merged by a strategic merge patch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListMerge {
    /// It is replaced.
    #[default]
    Replace,
    /// Items with the same value of this field are merged.
    ByKey(&'static str),
    /// As a set.
    Set,
}

/// A field of a struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name on the wire.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// How it is merged, if it is a list.
    pub merge: ListMerge,
    /// Whether a strategic merge patch may retain only the keys that it names (`retainKeys`).
    pub retain_keys: bool,
    /// Whether it is required.
    pub required: bool,
    /// Where it stands in the struct.
    pub place: usize,
}

/// A struct of the schema.
#[derive(Clone, Copy, Debug)]
pub struct Struct {
    id: &'static str,
    fields: &'static VecMap<&'static str, Field>,
    custom: Option<&'static Custom>,
}

impl Struct {
    /// Its name in the table: `DeploymentSpec`, `rbac/Subject`.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// Upstream's name of it: `DeploymentSpec`.
    pub fn name(&self) -> &'static str {
        self.id.rsplit('/').next().unwrap_or(self.id)
    }

    /// A field.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.get(name)
    }

    /// Whether a definition describes it.
    pub fn is_custom(&self) -> bool {
        self.custom.is_some()
    }

    /// What fields are that it does not name, if it may have such.
    pub fn extra(&self) -> Option<&'static Type> {
        self.custom.and_then(|custom| custom.extra.as_ref())
    }

    /// All fields, by name.
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        self.fields.values()
    }
}

impl Type {
    /// The struct, if it is one.
    pub fn as_struct(&self) -> Option<Struct> {
        match self {
            Type::Struct(id) => by_id(id),
            Type::Custom(custom) => Some(custom.as_struct()),
            _ => None,
        }
    }

    /// What a list's items or a map's values are.
    pub fn item(&self) -> Option<&Type> {
        match self {
            Type::List(item) | Type::Map(item) => Some(item),
            _ => None,
        }
    }
}

/// The struct of a kind.
pub fn of(kind: Kind) -> Struct {
    match kind {
        Kind::Custom(kind) => kind.shape(),
        kind => by_id(kind.info().kind).expect("the table has every kind"),
    }
}

/// Every struct of the table.
pub fn all() -> impl Iterator<Item = Struct> {
    table().iter().map(|(id, fields)| Struct { id, fields, custom: None })
}

/// A struct by its name in the table.
pub fn by_id(id: &str) -> Option<Struct> {
    table().get_key_value(id).map(|(id, fields)| Struct { id, fields, custom: None })
}

type Table = VecMap<&'static str, VecMap<&'static str, Field>>;

fn table() -> &'static Table {
    static PARSED: OnceLock<Table> = OnceLock::new();
    PARSED.get_or_init(|| TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(parse_struct).collect())
}

fn parse_struct(line: &'static str) -> Option<(&'static str, VecMap<&'static str, Field>)> {
    let mut words = line.split_whitespace();
    let id = words.next()?;
    Some((id, words.enumerate().map(|(place, word)| parse_field(place, word)).map(|f| (f.name, f)).collect()))
}

fn parse_field(place: usize, word: &'static str) -> Field {
    let (name, rest) = word.split_once(':').expect("the table's fields have a name and a type");
    let (rest, required) = rest.strip_suffix('!').map_or((rest, false), |r| (r, true));
    let (rest, retain_keys) = rest.strip_suffix('+').map_or((rest, false), |r| (r, true));
    let (ty, merge) = match rest.split_once('@') {
        Some((ty, "=")) => (ty, ListMerge::Set),
        Some((ty, key)) => (ty, ListMerge::ByKey(key)),
        None => (rest, ListMerge::Replace),
    };
    Field { name, ty: parse_type(ty), merge, retain_keys, required, place }
}

fn parse_type(text: &'static str) -> Type {
    let inner = || &text[1..text.len() - 1];
    match text {
        "s" => Type::String,
        "b" => Type::Bool,
        "i" => Type::Int32,
        "l" => Type::Int64,
        "f" => Type::Float,
        "q" => Type::Quantity,
        "I" => Type::IntOrString,
        "t" => Type::Time,
        "m" => Type::MicroTime,
        "y" => Type::Bytes,
        "a" => Type::Any,
        _ if text.starts_with('[') => Type::List(Box::new(parse_type(inner()))),
        _ if text.starts_with('{') => Type::Map(Box::new(parse_type(inner()))),
        _ => Type::Struct(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_the_table_mentions_is_in_it() {
        fn check(ty: &Type) {
            match ty {
                Type::List(item) | Type::Map(item) => check(item),
                Type::Struct(id) => assert!(by_id(id).is_some(), "{id}"),
                _ => {}
            }
        }
        for fields in table().values() {
            fields.values().for_each(|field| check(&field.ty));
        }
    }

    #[test]
    fn every_kind_has_a_struct_and_lists_have_their_keys() {
        for kind in Kind::ALL {
            assert_eq!(of(*kind).name(), kind.info().kind);
        }
        let spec = by_id("PodSpec").expect("PodSpec");
        let containers = spec.field("containers").expect("containers");
        assert_eq!(containers.merge, ListMerge::ByKey("name"));
        assert!(containers.required);
        assert!(spec.field("volumes").expect("volumes").retain_keys);
    }
}
