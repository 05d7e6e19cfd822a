//! Label selectors of objects, as controllers use them.
//!
//! Models `k8s.io/apimachinery/pkg/labels/selector.go` for `metav1.LabelSelector`. An empty selector matches everything.

use crate::api::LabelSelector;
use crate::sim::VecMap;

/// Whether a selector matches labels. An unknown operator matches nothing: validation refuses it.
pub fn matches(selector: &LabelSelector, labels: &VecMap<String, String>) -> bool {
    let equal = selector.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value));
    equal && selector.match_expressions.iter().all(|want| holds(&want.key, &want.operator, &want.values, labels))
}

/// Whether one requirement holds: In, NotIn, Exists, DoesNotExist, Gt or Lt.
pub fn holds(key: &str, operator: &str, values: &[String], labels: &VecMap<String, String>) -> bool {
    let value = labels.get(key);
    match operator {
        "In" => value.is_some_and(|value| values.contains(value)),
        "NotIn" => value.is_none_or(|value| !values.contains(value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" | "Lt" => {
            let number = |text: &String| text.parse::<i64>().ok();
            let pair = value.and_then(number).zip(values.first().and_then(number));
            pair.is_some_and(|(is, limit)| if operator == "Gt" { is > limit } else { is < limit })
        }
        _ => false,
    }
}

/// Whether a selector selects everything.
pub fn is_empty(selector: &LabelSelector) -> bool {
    selector.match_labels.is_empty() && selector.match_expressions.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operator_decides_as_upstream() {
        let labels: VecMap<String, String> = [("app".into(), "web".into()), ("n".into(), "5".into())].into();
        for (key, operator, values, expected) in [
            ("app", "In", &["web", "db"][..], true),
            ("app", "In", &["db"], false),
            ("app", "NotIn", &["db"], true),
            ("none", "NotIn", &["db"], true),
            ("app", "Exists", &[], true),
            ("none", "DoesNotExist", &[], true),
            ("n", "Gt", &["4"], true),
            ("n", "Lt", &["4"], false),
            ("app", "Gt", &["4"], false),
            ("app", "Near", &[], false),
        ] {
            let values: Vec<String> = values.iter().map(|v| (*v).to_owned()).collect();
            assert_eq!(holds(key, operator, &values, &labels), expected, "{key} {operator} {values:?}");
        }
    }
}
