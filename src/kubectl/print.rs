//! Output: aligned columns, tables, YAML, JSON, names, JSONPath, Go templates, custom columns.

pub mod columns;
pub mod custom_columns;
pub mod go_template;
pub mod output;
pub mod table;
pub mod unified;

pub use crate::api::jsonpath;
