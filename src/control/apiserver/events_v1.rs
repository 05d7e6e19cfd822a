//! `events.k8s.io/v1`, the newer form of events. Models `pkg/apis/events/v1/conversion.go`: another form of what is stored, with
//! other names for the same fields.

use serde_json::{Map, Value, json};

use crate::api::{Object, decode};

/// The group.
pub const GROUP: &str = "events.k8s.io";
/// The version on the wire.
pub const VERSION: &str = "events.k8s.io/v1";

/// The fields: how they are stored, and their names in this form.
const FIELDS: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

/// Whether a group and version are this form.
pub fn is(group: &str, version: &str) -> bool {
    (group, version) == (GROUP, "v1")
}

/// An event in this form.
pub fn down(object: &Object) -> Value {
    let mut value = object.to_value();
    if let Value::Object(fields) = &mut value {
        for (stored, shown) in FIELDS {
            rename(fields, stored, shown);
        }
        fields.insert("apiVersion".into(), json!(VERSION));
    }
    value
}

/// An event of this form as it is stored.
///
/// # Errors
/// It is no object.
pub fn up(value: &mut Value) -> Result<(), String> {
    decode::shaped(value, "v1.Event")?;
    if let Value::Object(fields) = value {
        for (stored, shown) in FIELDS {
            rename(fields, shown, stored);
        }
        fields.insert("apiVersion".into(), json!("v1"));
    }
    Ok(())
}

fn rename(fields: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = fields.remove(from) {
        fields.insert(to.into(), value);
    }
}

/// A field selector of this form in the words of the stored one.
pub fn selector(text: &str) -> String {
    let stored = |term: &str| {
        let end = term.find(['=', '!']).unwrap_or(term.len());
        let (field, rest) = term.split_at(end);
        let field = match field {
            "reportingController" => "reportingComponent".to_owned(),
            field => match field.strip_prefix("regarding.") {
                Some(inner) => format!("involvedObject.{inner}"),
                None => field.to_owned(),
            },
        };
        format!("{field}{rest}")
    };
    text.split(',').map(stored).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;

    #[test]
    fn an_event_is_the_same_in_both_forms() {
        let stored = json!({
            "metadata": {"name": "web.1", "namespace": "default"}, "involvedObject": {"kind": "Pod", "name": "web"},
            "reason": "Pulled", "message": "well", "source": {"component": "kubelet"}, "count": 3, "type": "Normal",
            "reportingComponent": "kubelet", "reportingInstance": "",
        });
        let object = Object::from_value(Kind::Event, stored).expect("an event");
        let mut shown = down(&object);
        assert_eq!(shown["apiVersion"], VERSION);
        assert_eq!((&shown["note"], &shown["deprecatedCount"]), (&json!("well"), &json!(3)));
        assert_eq!(shown["regarding"]["name"], "web");
        assert_eq!(shown["reportingController"], "kubelet");
        up(&mut shown).expect("an object");
        assert_eq!(Object::from_value(Kind::Event, shown).expect("an event"), object);
    }

    #[test]
    fn selectors_are_in_the_words_of_the_form() {
        assert_eq!(selector("regarding.name=web,type!=Normal"), "involvedObject.name=web,type!=Normal");
        assert_eq!(selector(""), "");
    }
}
