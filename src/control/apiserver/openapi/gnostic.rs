//! The document of OpenAPI v2 as protobuf, which is what kubectl asks for. Models `github.com/google/gnostic-models/openapiv2`:
//! the numbers of its messages' fields, as far as our document has them.

use serde_json::Value;

/// What a field of a message is.
#[derive(Clone, Copy)]
enum Field {
    Text,
    Bool,
    /// One for each text.
    Texts,
    Message(Message),
    /// One for each item.
    Messages(Message),
    /// One with a name and a value for each entry; they are fields of this number of a message of their own, or of this one.
    Entries(Option<u32>, Message),
    /// Any value, as YAML.
    Any,
}

/// The fields of a message: name, number, type. The name `x-` stands for all extensions, and the empty one for a message that
/// holds nothing but the value itself.
type Message = fn() -> &'static [(&'static str, u32, Field)];

fn document() -> &'static [(&'static str, u32, Field)] {
    &[
        ("swagger", 1, Field::Text),
        ("info", 2, Field::Message(info)),
        ("paths", 8, Field::Entries(Some(2), item)),
        ("definitions", 9, Field::Entries(Some(1), schema)),
    ]
}

fn info() -> &'static [(&'static str, u32, Field)] {
    &[("title", 1, Field::Text), ("version", 2, Field::Text)]
}

fn item() -> &'static [(&'static str, u32, Field)] {
    &[
        ("get", 2, Field::Message(operation)),
        ("put", 3, Field::Message(operation)),
        ("post", 4, Field::Message(operation)),
        ("delete", 5, Field::Message(operation)),
        ("options", 6, Field::Message(operation)),
        ("head", 7, Field::Message(operation)),
        ("patch", 8, Field::Message(operation)),
    ]
}

fn operation() -> &'static [(&'static str, u32, Field)] {
    &[
        ("tags", 1, Field::Texts),
        ("summary", 2, Field::Text),
        ("description", 3, Field::Text),
        ("operationId", 5, Field::Text),
        ("produces", 6, Field::Texts),
        ("consumes", 7, Field::Texts),
        ("parameters", 8, Field::Messages(parameter)),
        ("responses", 9, Field::Entries(None, response_value)),
        ("schemes", 10, Field::Texts),
        ("x-", 13, Field::Any),
    ]
}

fn parameter() -> &'static [(&'static str, u32, Field)] {
    &[("", 1, Field::Message(of_a_kind))]
}

/// That of a body, or one of the others.
fn of_a_kind() -> &'static [(&'static str, u32, Field)] {
    &[("in=body", 1, Field::Message(body)), ("in=query", 2, Field::Message(no_body))]
}

fn no_body() -> &'static [(&'static str, u32, Field)] {
    &[("", 3, Field::Message(query))]
}

fn body() -> &'static [(&'static str, u32, Field)] {
    &[
        ("description", 1, Field::Text),
        ("name", 2, Field::Text),
        ("in", 3, Field::Text),
        ("required", 4, Field::Bool),
        ("schema", 5, Field::Message(schema)),
    ]
}

fn query() -> &'static [(&'static str, u32, Field)] {
    &[
        ("required", 1, Field::Bool),
        ("in", 2, Field::Text),
        ("description", 3, Field::Text),
        ("name", 4, Field::Text),
        ("type", 6, Field::Text),
        ("uniqueItems", 20, Field::Bool),
    ]
}

fn response_value() -> &'static [(&'static str, u32, Field)] {
    &[("", 1, Field::Message(response))]
}

fn response() -> &'static [(&'static str, u32, Field)] {
    &[("description", 1, Field::Text), ("schema", 2, Field::Message(only_schema))]
}

fn only_schema() -> &'static [(&'static str, u32, Field)] {
    &[("", 1, Field::Message(schema))]
}

/// A schema, or whether there may be further fields.
fn additional() -> &'static [(&'static str, u32, Field)] {
    &[("", 1, Field::Message(schema)), ("", 2, Field::Bool)]
}

fn words() -> &'static [(&'static str, u32, Field)] {
    &[("", 1, Field::Text)]
}

fn schema() -> &'static [(&'static str, u32, Field)] {
    &[
        ("$ref", 1, Field::Text),
        ("format", 2, Field::Text),
        ("title", 3, Field::Text),
        ("description", 4, Field::Text),
        ("default", 5, Field::Any),
        ("pattern", 12, Field::Text),
        ("required", 19, Field::Texts),
        ("enum", 20, Field::Any),
        ("additionalProperties", 21, Field::Message(additional)),
        ("type", 22, Field::Message(words)),
        ("items", 23, Field::Message(only_schema)),
        ("properties", 25, Field::Entries(Some(1), schema)),
        ("x-", 31, Field::Any),
    ]
}

/// The document in protobuf.
pub fn encode(value: &Value) -> Vec<u8> {
    message(value, document)
}

fn message(value: &Value, of: Message) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, number, field) in of() {
        match *name {
            "" => write(*number, *field, value, &mut out),
            "x-" => {
                let extensions = value.as_object().into_iter().flatten().filter(|(name, _)| name.starts_with("x-"));
                extensions.for_each(|(name, value)| named(*number, name, &any(value), &mut out));
            }
            name => match name.split_once('=') {
                Some((name, wanted)) if value[name] == wanted => write(*number, *field, value, &mut out),
                Some(_) => {}
                None => write(*number, *field, &value[name], &mut out),
            },
        }
    }
    out
}

fn write(number: u32, field: Field, value: &Value, out: &mut Vec<u8>) {
    match (field, value) {
        (_, Value::Null) => {}
        (Field::Text, Value::String(text)) => bytes(number, text.as_bytes(), out),
        (Field::Bool, Value::Bool(true)) => {
            varint(u64::from(number) << 3, out);
            out.push(1);
        }
        (Field::Texts, Value::Array(texts)) => {
            texts.iter().filter_map(Value::as_str).for_each(|text| bytes(number, text.as_bytes(), out));
        }
        (Field::Message(_), Value::Bool(_) | Value::Number(_)) => {}
        (Field::Message(of), value) => bytes(number, &message(value, of), out),
        (Field::Messages(of), Value::Array(items)) => {
            items.iter().for_each(|item| bytes(number, &message(item, of), out));
        }
        (Field::Entries(inner, of), Value::Object(entries)) => {
            let mut all = Vec::new();
            entries.iter().for_each(|(name, value)| named(inner.unwrap_or(1), name, &message(value, of), &mut all));
            bytes(number, &all, out);
        }
        (Field::Any, Value::Array(values)) => values.iter().for_each(|value| bytes(number, &any(value), out)),
        (Field::Any, value) => bytes(number, &any(value), out),
        _ => {}
    }
}

/// A name and a value.
fn named(number: u32, name: &str, value: &[u8], out: &mut Vec<u8>) {
    let mut pair = Vec::new();
    bytes(1, name.as_bytes(), &mut pair);
    bytes(2, value, &mut pair);
    bytes(number, &pair, out);
}

/// Any value, as YAML, of which JSON is a part.
fn any(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    bytes(2, value.to_string().as_bytes(), &mut out);
    out
}

fn bytes(number: u32, content: &[u8], out: &mut Vec<u8>) {
    varint(u64::from(number) << 3 | 2, out);
    varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_have_the_numbers_of_gnostic() {
        let extended = json!({"$ref": "#/d", "type": "array", "items": {"type": "string"}, "x-kind": {"a": 1}});
        let want = [
            &[0x0a, 3][..],
            b"#/d",
            &[0xb2, 1, 7, 0x0a, 5],
            b"array",
            &[0xba, 1, 13, 0x0a, 11, 0xb2, 1, 8, 0x0a, 6],
            b"string",
            &[0xfa, 1, 19, 0x0a, 6],
            b"x-kind",
            &[0x12, 9, 0x12, 7],
            b"{\"a\":1}",
        ];
        assert_eq!(message(&extended, schema), want.concat());
        let query = json!({"name": "dryRun", "in": "query", "uniqueItems": true});
        let inner = [&[0x12, 5][..], b"query", &[0x22, 6], b"dryRun", &[0xa0, 1, 1]].concat();
        let want = [&[0x0a, 22, 0x12, 20, 0x1a, 18][..], &inner].concat();
        assert_eq!(message(&query, parameter), want);
    }
}
