//! Output: aligned columns, tables, YAML, JSON, names, JSONPath, custom columns.

pub mod columns;
pub mod custom_columns;
pub mod jsonpath;
pub mod output;
pub mod table;
pub mod yaml;
