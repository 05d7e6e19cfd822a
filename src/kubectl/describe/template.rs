//! The pod template of a workload.

use serde_json::Value;

use super::page::Page;
use super::{container, pod, volume};
use crate::kubectl::json::{at, entries, items, text};

/// Describes a pod template.
pub fn describe(page: &mut Page, template: &Value) {
    page.line(0, "Pod Template:");
    if template.is_null() {
        return page.line(1, "<unset>");
    }
    let (meta, spec) = (at(template, &["metadata"]), at(template, &["spec"]));
    page.labels("  ", "Labels", at(meta, &["labels"]));
    if !entries(meta, &["annotations"]).is_empty() {
        page.annotations("  ", at(meta, &["annotations"]));
    }
    if !text(spec, "serviceAccountName").is_empty() {
        page.pair(1, "Service Account", text(spec, "serviceAccountName"));
    }
    if !items(spec, &["initContainers"]).is_empty() {
        container::describe(page, "Init Containers", items(spec, &["initContainers"]), &[], "  ", template);
    }
    container::describe(page, "Containers", items(spec, &["containers"]), &[], "  ", template);
    volume::describe(page, items(spec, &["volumes"]), "  ");
    pod::spread(page, "  ", items(spec, &["topologySpreadConstraints"]));
    if !text(spec, "priorityClassName").is_empty() {
        page.pair(1, "Priority Class Name", text(spec, "priorityClassName"));
    }
    page.labels("  ", "Node-Selectors", at(spec, &["nodeSelector"]));
    page.tolerations("  ", items(spec, &["tolerations"]));
}
