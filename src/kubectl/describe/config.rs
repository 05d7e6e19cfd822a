//! `describe` of Namespace, ConfigMap and Secret.

use data_encoding::BASE64;
use serde_json::Value;

use super::page::Page;
use super::{events, quota};
use crate::kubectl::ctx::{Ctx, Stop};
use crate::kubectl::json::{at, entries, items, text, text_at};

fn head(page: &mut Page, object: &Value) {
    page.name(object);
    page.labels("", "Labels", at(object, &["metadata", "labels"]));
    page.annotations("", at(object, &["metadata", "annotations"]));
}

/// Describes a Namespace.
pub fn namespace(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    head(&mut page, object);
    page.pair(0, "Status", text_at(object, &["status", "phase"]));
    let conditions = items(object, &["status", "conditions"]);
    if !conditions.is_empty() {
        page.line(0, "Conditions:");
        let rows: Vec<Vec<String>> = conditions
            .iter()
            .map(|c| {
                ["type", "status", "lastTransitionTime", "reason", "message"]
                    .iter()
                    .map(|f| text(c, f).to_owned())
                    .collect()
            })
            .collect();
        page.table(1, &["Type", "Status", "LastTransitionTime", "Reason", "Message"], &rows);
    }
    quota::of_namespace(ctx, &mut page, text_at(object, &["metadata", "name"]))?;
    Ok(page.finish())
}

/// Describes a ConfigMap.
pub fn config_map(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    head(&mut page, object);
    page.line(0, "\nData\n====");
    for (key, value) in entries(object, &["data"]) {
        page.line(0, format!("{key}:\n----\n{}\n", value.as_str().unwrap_or("")));
    }
    page.line(0, "\nBinaryData\n====");
    for (key, value) in entries(object, &["binaryData"]) {
        let size = BASE64.decode(value.as_str().unwrap_or("").as_bytes()).map_or(0, |b| b.len());
        page.line(0, format!("{key}: {size} bytes"));
    }
    page.line(0, "");
    events::append(ctx, &mut page, "ConfigMap", object)?;
    Ok(page.finish())
}

/// Describes a Secret, whose values are not shown.
pub fn secret(_ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    head(&mut page, object);
    page.line(0, format!("\nType:\t{}", text(object, "type")));
    page.line(0, "\nData\n====");
    for (key, value) in entries(object, &["data"]) {
        let bytes = BASE64.decode(value.as_str().unwrap_or("").as_bytes()).unwrap_or_default();
        if key == "token" && text(object, "type") == "kubernetes.io/service-account-token" {
            page.pair(0, key, String::from_utf8_lossy(&bytes));
        } else {
            page.pair(0, key, format!("{} bytes", bytes.len()));
        }
    }
    Ok(page.finish())
}
