//! Every object of the cluster, as tables: the kinds that there are, and one of them with the columns of `kubectl get`.

use serde::{Deserialize, Serialize};

use crate::view::ObjectRef;

/// The kinds and one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectsView {
    /// Every kind that is simulated, those with objects and those without.
    pub kinds: Vec<KindLine>,
    /// The objects of the wanted kind.
    pub table: TableView,
}

/// A kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindLine {
    /// `apps`; empty for the core group.
    pub group: String,
    /// `Deployment`.
    pub kind: String,
    /// `deployments`.
    pub plural: String,
    /// How many objects of it there are.
    pub count: u32,
}

/// The objects of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableView {
    /// Its plural: `deployments`.
    pub plural: String,
    /// Whether its objects belong to namespaces.
    pub namespaced: bool,
    /// Names of the columns, in upstream's words, those of `-o wide` with them.
    pub columns: Vec<String>,
    /// The objects, by namespace and name.
    pub rows: Vec<TableRow>,
    /// How many rows are left off.
    pub more: u32,
}

/// An object in a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRow {
    /// Which.
    pub object: ObjectRef,
    /// What the columns say.
    pub cells: Vec<String>,
}
