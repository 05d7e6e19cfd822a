//! A value against the schema: fields that it does not have, values of the wrong type.

use serde_json::Value;

use crate::api::custom::{CustomKind, structural};
use crate::api::schema::{Field, Struct, Type, by_id};
use crate::api::{MicroTime, Quantity, Timestamp};

/// What does not fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Misfit {
    /// Paths of fields that the schema does not have.
    pub unknown: Vec<String>,
    /// Upstream's words about the first value of a wrong type.
    pub wrong_type: Option<String>,
    /// Its path.
    pub wrong_path: Option<String>,
}

/// Checks a value against a struct of the schema and takes out what is not kept: unknown fields, empty lists and maps.
pub fn check(value: &mut Value, schema: &Struct) -> Misfit {
    let mut found = Misfit::default();
    let place = Place { path: String::new(), go: String::new(), owner: *schema };
    check_struct(value, schema, &place, &mut found);
    found
}

/// Checks a custom resource: its metadata as those of every object; all else is pruned, for its values are validation's to judge.
pub fn check_custom(value: &mut Value, kind: CustomKind) -> Misfit {
    let mut found = Misfit::default();
    let of_metadata = by_id("ObjectMeta").expect("the table has metadata");
    if let Some(metadata) = value.get_mut("metadata") {
        let place = Place { path: "metadata".into(), go: "metadata".into(), owner: of_metadata };
        check_struct(metadata, &of_metadata, &place, &mut found);
    }
    found.unknown.extend(structural::prune(value, kind.schema()));
    found
}

/// Where a value is: for people, for Go's words, and in which struct.
struct Place {
    path: String,
    go: String,
    owner: Struct,
}

impl Place {
    fn field(&self, owner: Struct, name: &str) -> Place {
        let join = |base: &str| if base.is_empty() { name.to_owned() } else { format!("{base}.{name}") };
        Place { path: join(&self.path), go: join(&self.go), owner }
    }

    fn item(&self, at: usize) -> Place {
        Place { path: format!("{}[{at}]", self.path), go: self.go.clone(), owner: self.owner }
    }

    fn key(&self, key: &str) -> Place {
        Place { path: format!("{}.{key}", self.path), go: self.go.clone(), owner: self.owner }
    }
}

fn check_struct(value: &mut Value, schema: &Struct, place: &Place, found: &mut Misfit) {
    let Value::Object(fields) = value else {
        if !value.is_null() {
            wrong(value, &format!("v1.{}", schema.name()), place, found);
        }
        return;
    };
    let mut dropped = Vec::new();
    for (name, value) in fields.iter_mut() {
        let place = place.field(*schema, name);
        match schema.field(name) {
            Some(field) => {
                check_value(value, &field.ty, Some(field), &place, found);
                if is_omitted(value, field) {
                    dropped.push(name.clone());
                }
            }
            None => {
                found.unknown.push(place.path);
                dropped.push(name.clone());
            }
        }
    }
    for name in dropped {
        fields.remove(&name);
    }
}

/// Lists and maps that hold nothing are not kept (`omitempty`).
fn is_omitted(value: &Value, field: &Field) -> bool {
    let empty = match (value, &field.ty) {
        (Value::Array(items), Type::List(_)) => items.is_empty(),
        (Value::Object(items), Type::Map(_)) => items.is_empty(),
        _ => false,
    };
    empty && !field.required
}

/// What an empty value of a map stands for: the zero of its type.
fn fill_null(value: &mut Value, ty: &Type) {
    if value.is_null() {
        match ty {
            Type::String => *value = Value::String(String::new()),
            Type::Quantity => *value = Value::String("0".into()),
            _ => {}
        }
    }
}

fn check_value(value: &mut Value, ty: &Type, field: Option<&Field>, place: &Place, found: &mut Misfit) {
    if value.is_null() {
        return;
    }
    match ty {
        Type::Struct(_) => {
            if let Some(inner) = ty.as_struct() {
                check_struct(value, &inner, place, found);
            }
        }
        Type::List(item) => match value {
            Value::Array(items) => {
                for (at, value) in items.iter_mut().enumerate() {
                    check_value(value, item, None, &place.item(at), found);
                }
            }
            _ => wrong(value, &go_type(ty, field), place, found),
        },
        Type::Map(item) => match value {
            Value::Object(items) => {
                for (key, value) in items.iter_mut() {
                    fill_null(value, item);
                    check_value(value, item, None, &place.key(key), found);
                }
            }
            _ => wrong(value, &go_type(ty, field), place, found),
        },
        _ => check_scalar(value, ty, field, place, found),
    }
}

fn check_scalar(value: &Value, ty: &Type, field: Option<&Field>, place: &Place, found: &mut Misfit) {
    let fits = match ty {
        Type::String => value.is_string(),
        Type::Bool => value.is_boolean(),
        Type::Int32 => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        Type::Int64 => value.as_i64().is_some(),
        Type::Float => value.is_number(),
        Type::IntOrString => value.is_string() || value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        Type::Quantity => return check_quantity(value, place, found),
        Type::Time | Type::MicroTime => return check_time(value, ty, place, found),
        Type::Bytes => return check_bytes(value, place, found),
        Type::Any | Type::Deduced | Type::List(_) | Type::Map(_) | Type::Struct(_) | Type::Custom(_) => true,
    };
    if !fits {
        wrong(value, &go_type(ty, field), place, found);
    }
}

fn tell(words: String, place: &Place, found: &mut Misfit) {
    if found.wrong_type.is_none() {
        found.wrong_type = Some(words);
        found.wrong_path = Some(place.path.clone());
    }
}

fn check_quantity(value: &Value, place: &Place, found: &mut Misfit) {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if let Err(error) = text.parse::<Quantity>() {
        tell(error.to_string(), place, found);
    }
}

fn check_time(value: &Value, ty: &Type, place: &Place, found: &mut Misfit) {
    let layout = if *ty == Type::MicroTime { "2006-01-02T15:04:05.000000Z07:00" } else { "2006-01-02T15:04:05Z07:00" };
    match value {
        Value::String(text) => {
            let fits = text.parse::<Timestamp>().is_ok() && text.parse::<MicroTime>().is_ok();
            if !fits {
                let words = format!("parsing time {text:?} as {layout:?}: cannot parse {text:?} as \"2006\"");
                tell(words, place, found);
            }
        }
        other => {
            let words = format!("json: cannot unmarshal {} into Go value of type string", word_of(other));
            tell(words, place, found);
        }
    }
}

fn check_bytes(value: &Value, place: &Place, found: &mut Misfit) {
    match value {
        Value::String(text) => {
            let clean: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            if let Err(error) = data_encoding::BASE64.decode(clean.as_bytes()) {
                tell(format!("illegal base64 data at input byte {}", error.position), place, found);
            }
        }
        other => wrong(other, "[]uint8", place, found),
    }
}

pub(super) fn word_of(value: &Value) -> String {
    match value {
        Value::String(_) => "string".into(),
        Value::Number(number) if number.is_f64() => format!("number {number}"),
        Value::Number(_) => "number".into(),
        Value::Bool(_) => "bool".into(),
        Value::Array(_) => "array".into(),
        Value::Object(_) => "object".into(),
        Value::Null => "null".into(),
    }
}

fn wrong(value: &Value, go: &str, place: &Place, found: &mut Misfit) {
    let word = match (value, go) {
        // A whole number that does not fit is shown.
        (Value::Number(number), "int32" | "int64") => format!("number {number}"),
        _ => word_of(value),
    };
    let words =
        format!("json: cannot unmarshal {word} into Go struct field {}.{} of type {go}", place.owner.name(), place.go);
    tell(words, place, found);
}

/// Go's name of a type. Words of their own type are told by the field that has them.
fn go_type(ty: &Type, field: Option<&Field>) -> String {
    match ty {
        Type::String => match field.map(|f| f.name) {
            Some("restartPolicy") => "v1.RestartPolicy",
            Some("imagePullPolicy") => "v1.PullPolicy",
            Some("protocol") => "v1.Protocol",
            Some("dnsPolicy") => "v1.DNSPolicy",
            Some("uid") => "types.UID",
            _ => "string",
        }
        .into(),
        Type::Bool => "bool".into(),
        Type::Int32 => "int32".into(),
        Type::Int64 => "int64".into(),
        Type::Float => "float64".into(),
        Type::Quantity => "resource.Quantity".into(),
        Type::IntOrString => "intstr.IntOrString".into(),
        Type::Time => "v1.Time".into(),
        Type::MicroTime => "v1.MicroTime".into(),
        Type::Bytes => "[]uint8".into(),
        Type::Any | Type::Deduced | Type::Custom(_) => "interface {}".into(),
        Type::List(item) => format!("[]{}", go_type(item, None)),
        Type::Map(item) if **item == Type::Quantity => "v1.ResourceList".into(),
        Type::Map(item) => format!("map[string]{}", go_type(item, None)),
        Type::Struct(id) => format!("v1.{}", id.rsplit('/').next().unwrap_or(id)),
    }
}
