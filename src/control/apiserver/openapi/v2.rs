//! OpenAPI v2: one document of all groups, for clients that know no v3. Models `k8s.io/kube-openapi/pkg/handler` and
//! `builder`: the same schemas and paths as v3, in the words of v2, as JSON or as protobuf.

use serde_json::{Map, Value, json};

use super::{VERSION, document, gnostic, versions};
use crate::api::Status;
use crate::api::http::{ContentType, HttpRequest, HttpResponse, Method};
use crate::control::apiserver::definition::Definitions;
use crate::control::apiserver::http::failure;

/// The names of the form in protobuf.
const PROTOBUF: [&str; 2] = [
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
];

/// The answer to a request for the document; `None` if it is for something else.
pub fn answer(http: &HttpRequest, definitions: &Definitions) -> Option<HttpResponse> {
    if http.path != "/openapi/v2" {
        return None;
    }
    if http.method != Method::Get {
        return Some(failure(&Status::method_not_allowed()));
    }
    let whole = whole(definitions);
    // Of the forms that the client takes, the first that there is.
    let range = |range: &str| range.split(';').next().unwrap_or("").trim().to_owned();
    let found = http.accept.split(',').map(range).find_map(|range| match range.as_str() {
        range if PROTOBUF.contains(&range) => Some(true),
        "" | "*/*" | "application/*" | "application/json" => Some(false),
        _ => None,
    });
    Some(match found {
        Some(true) => HttpResponse::of(200, ContentType::OpenApi, gnostic::encode(&whole)),
        Some(false) => HttpResponse::json(200, &whole),
        None => HttpResponse::text(406, ""),
    })
}

fn whole(known: &Definitions) -> Value {
    let (mut definitions, mut paths) = (Map::new(), Map::new());
    for (group, version) in versions(known) {
        let mut of_version = document(group, version, known);
        if let Value::Object(schemas) = of_version["components"]["schemas"].take() {
            definitions.extend(schemas.into_iter().map(|(name, schema)| (name, plain(schema))));
        }
        if let Value::Object(found) = of_version["paths"].take() {
            paths.extend(found.into_iter().map(|(path, methods)| (path, item(methods))));
        }
    }
    json!({
        "swagger": "2.0", "info": {"title": "Kubernetes", "version": VERSION}, "paths": paths,
        "definitions": definitions,
    })
}

/// A schema in the words of v2: there is no `oneOf`, and a reference stands alone.
fn plain(schema: Value) -> Value {
    match schema {
        Value::Object(mut fields) => {
            if let Some(of) = fields.remove("allOf") {
                fields.extend(of[0].as_object().cloned().unwrap_or_default());
            }
            if fields.remove("oneOf").is_some() {
                fields.insert("type".into(), json!("string"));
            }
            if let Some(Value::String(to)) = fields.get_mut("$ref") {
                *to = to.replace("#/components/schemas/", "#/definitions/");
            }
            Value::Object(fields.into_iter().map(|(name, value)| (name, plain(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(plain).collect()),
        other => other,
    }
}

/// The methods of a path.
fn item(methods: Value) -> Value {
    let Value::Object(methods) = methods else { return methods };
    Value::Object(methods.into_iter().map(|(method, operation)| (method, self::operation(operation))).collect())
}

fn operation(mut operation: Value) -> Value {
    let query =
        |parameter: &Value| json!({"name": parameter["name"], "in": "query", "type": "string", "uniqueItems": true});
    let mut parameters: Vec<Value> = operation["parameters"].as_array().into_iter().flatten().map(query).collect();
    let body = operation.as_object_mut().and_then(|fields| fields.remove("requestBody"));
    if let Some(content) = body.as_ref().and_then(|body| body["content"].as_object()) {
        let schema = content.values().next().map(|of| plain(of["schema"].clone()));
        parameters.push(json!({"name": "body", "in": "body", "required": true, "schema": schema}));
        operation["consumes"] = json!(content.keys().collect::<Vec<_>>());
    }
    let schema = plain(operation["responses"]["200"]["content"]["application/json"]["schema"].take());
    operation["responses"] = json!({"200": {"description": "OK", "schema": schema}});
    operation["produces"] = json!(["application/json"]);
    operation["schemes"] = json!(["https"]);
    operation["parameters"] = json!(parameters);
    operation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_every_version_and_its_references_lead_somewhere() {
        fn check(value: &Value, definitions: &Value) {
            match value {
                Value::Object(map) => {
                    if let Some(to) = map.get("$ref").and_then(Value::as_str) {
                        let name = to.strip_prefix("#/definitions/").expect("v2 has its schemas there");
                        assert!(definitions[name].is_object(), "{to}");
                    }
                    assert!(!map.contains_key("oneOf") && !map.contains_key("allOf"), "{value}");
                    map.values().for_each(|value| check(value, definitions));
                }
                Value::Array(items) => items.iter().for_each(|value| check(value, definitions)),
                _ => {}
            }
        }
        let response = answer(&HttpRequest::get("/openapi/v2"), &Definitions::default()).expect("a document");
        let document: Value = serde_json::from_slice(&response.body).expect("JSON");
        check(&document["paths"], &document["definitions"]);
        check(&document["definitions"], &document["definitions"]);
        let spec = &document["definitions"]["io.k8s.api.core.v1.PodSpec"]["properties"];
        assert_eq!(spec["containers"]["x-kubernetes-patch-merge-key"], "name");
        assert_eq!(spec["containers"]["items"]["$ref"], "#/definitions/io.k8s.api.core.v1.Container");
        let patch = &document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
        assert_eq!(patch["x-kubernetes-group-version-kind"]["kind"], "Deployment");
        assert!(patch["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == "dryRun")));
    }

    #[test]
    fn everyone_gets_the_first_form_that_there_is() {
        for (accept, want) in [
            (PROTOBUF[0], Some(ContentType::OpenApi)),
            ("text/html, application/json;q=0.5", Some(ContentType::Json)),
            ("", Some(ContentType::Json)),
            ("image/png", None),
        ] {
            let mut http = HttpRequest::get("/openapi/v2");
            http.accept = accept.into();
            let answer = answer(&http, &Definitions::default()).expect("an answer");
            assert_eq!(Some(answer.content_type).filter(|_| answer.code == 200), want, "{accept}");
        }
    }
}
