//! Tables of every kind, with the cells that the API server prints for `kubectl get`.

use serde_json::Value;

use crate::api::{Kind, Object};
use crate::cluster::Cluster;
use crate::control::apiserver::table;
use crate::session::build::object_ref;
use crate::session::protocol::ObjectsWant;
use crate::view::objects::{KindLine, ObjectsView, TableRow, TableView};

/// The kinds, and the table of the wanted one.
pub fn objects(cluster: &Cluster, want: &ObjectsWant) -> ObjectsView {
    let custom: Vec<Kind> = cluster.apiserver().definitions().stored().map(Kind::from).collect();
    let mut kinds: Vec<KindLine> = Kind::ALL.iter().chain(&custom).map(|kind| kind_line(cluster, *kind)).collect();
    kinds.sort_by(|a, b| (&a.group, &a.plural).cmp(&(&b.group, &b.plural)));
    let described = || custom.iter().copied().find(|kind| kind.info().plural == want.plural);
    let wanted = Kind::of_any_group(&want.plural).or_else(described);
    ObjectsView { kinds, table: wanted.map(|kind| table_of(cluster, kind, want)).unwrap_or_default() }
}

fn kind_line(cluster: &Cluster, kind: Kind) -> KindLine {
    let info = kind.info();
    KindLine {
        group: info.group.to_owned(),
        kind: info.kind.to_owned(),
        plural: info.plural.to_owned(),
        count: u32::try_from(cluster.apiserver().cache(kind).len()).unwrap_or(u32::MAX),
    }
}

fn table_of(cluster: &Cluster, kind: Kind, want: &ObjectsWant) -> TableView {
    let limit = usize::try_from(want.limit).unwrap_or(usize::MAX);
    let filter = want.filter.trim().to_lowercase();
    let mut rows: Vec<TableRow> = Vec::new();
    let mut more = 0;
    for object in cluster.objects(kind) {
        let meta = object.meta();
        let named = filter.is_empty() || meta.name.contains(&filter) || meta.namespace.contains(&filter);
        if named && rows.len() >= limit {
            more += 1;
            continue;
        }
        let row = row(cluster, object);
        if named || row.cells.iter().any(|cell| cell.to_lowercase().contains(&filter)) {
            rows.push(row);
        }
    }
    TableView {
        plural: kind.info().plural.to_owned(),
        namespaced: kind.info().namespaced,
        columns: table::names(kind),
        rows,
        more,
    }
}

fn row(cluster: &Cluster, object: &Object) -> TableRow {
    let now = cluster.apiserver().calendar(cluster.now());
    let text = |cell: Value| match cell {
        Value::String(text) => text,
        Value::Null => "<none>".to_owned(),
        other => other.to_string(),
    };
    TableRow {
        object: object_ref(&object.reference()),
        cells: table::cells(object, now).into_iter().map(text).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::World;

    fn check(plural: &str, filter: &str, expected: &[&str]) {
        let world = World::boot("nodes=2".parse().expect("a scenario"));
        let want = ObjectsWant { plural: plural.into(), filter: filter.into(), limit: 100 };
        let view = objects(&world.cluster, &want);
        assert_eq!(view.kinds.len(), Kind::ALL.len(), "every kind is offered");
        for row in &view.table.rows {
            assert_eq!(row.cells.len(), view.table.columns.len(), "{:?}", row.object);
        }
        let names: Vec<&str> = view.table.rows.iter().map(|row| row.object.name.as_str()).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn a_table_has_every_object_of_its_kind_that_fits_the_filter() {
        check("nodes", "", &["master1", "worker1", "worker2"]);
        check("nodes", "control-plane", &["master1"]);
        check("namespaces", "kube", &["kube-node-lease", "kube-public", "kube-system"]);
        check("nothing", "", &[]);
    }

    #[test]
    fn every_kind_has_a_table() {
        let world = World::boot("nodes=1".parse().expect("a scenario"));
        for kind in Kind::ALL {
            let want = ObjectsWant { plural: kind.info().plural.into(), filter: String::new(), limit: 10 };
            let table = objects(&world.cluster, &want).table;
            assert_eq!(table.plural, kind.info().plural);
            assert!(!table.columns.is_empty(), "{kind:?}");
        }
    }
}
