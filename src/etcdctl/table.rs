//! Tables of endpoints and members.
//!
//! Models `printer_table.go` and the table makers of `printer.go` in `etcdctl/ctlv3/command` (etcd 3.6): headings centred in
//! capitals, cells to the right.

use crate::etcd::MemberInfo;
use crate::etcdctl::golang;
use crate::etcdctl::show::{Checked, EndpointHash, EndpointStatus, member_row};

const MEMBERS: &[&str] = &["ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS", "IS LEARNER"];
const HASHES: &[&str] = &["ENDPOINT", "HASH", "HASH REVISION"];
const HEALTH: &[&str] = &["ENDPOINT", "HEALTH", "TOOK", "ERROR"];
const STATUS: &[&str] = &[
    "ENDPOINT",
    "ID",
    "VERSION",
    "STORAGE VERSION",
    "DB SIZE",
    "IN USE",
    "PERCENTAGE NOT IN USE",
    "QUOTA",
    "IS LEADER",
    "IS LEARNER",
    "RAFT TERM",
    "RAFT INDEX",
    "RAFT APPLIED INDEX",
    "ERRORS",
    "DOWNGRADE TARGET VERSION",
    "DOWNGRADE ENABLED",
];

/// `member list -w table`
pub fn members(members: &[MemberInfo]) -> String {
    render(MEMBERS, &members.iter().map(member_row).collect::<Vec<_>>())
}

/// `endpoint health -w table`
pub fn health(checked: &[Checked]) -> String {
    let row = |check: &Checked| {
        let healthy = check.error.is_none().to_string();
        vec![check.endpoint.clone(), healthy, golang::duration(check.took), check.error.clone().unwrap_or_default()]
    };
    render(HEALTH, &checked.iter().map(row).collect::<Vec<_>>())
}

/// `endpoint hashkv -w table`
pub fn hashes(hashes: &[EndpointHash]) -> String {
    render(HASHES, &hashes.iter().map(hash_row).collect::<Vec<_>>())
}

/// The columns of an endpoint's hash.
pub fn hash_row(of: &EndpointHash) -> Vec<String> {
    vec![of.endpoint.clone(), of.hash.hash.to_string(), of.hash.at.to_string()]
}

/// `endpoint status -w table`
pub fn statuses(statuses: &[EndpointStatus]) -> String {
    render(STATUS, &statuses.iter().map(status_row).collect::<Vec<_>>())
}

/// The columns of an endpoint's state.
pub fn status_row(of: &EndpointStatus) -> Vec<String> {
    let status = &of.status;
    let unused = 100 - status.db_size_in_use.saturating_mul(100).checked_div(status.db_size).unwrap_or(100).min(100);
    vec![
        of.endpoint.clone(),
        format!("{:x}", of.header.member_id),
        status.version.clone(),
        storage_version(&status.version),
        golang::bytes(status.db_size),
        golang::bytes(status.db_size_in_use),
        format!("{unused}%"),
        golang::bytes(status.quota),
        (status.leader == Some(of.header.member_id)).to_string(),
        status.is_learner.to_string(),
        status.raft_term.to_string(),
        status.raft_index.to_string(),
        status.raft_applied_index.to_string(),
        status.errors.join(", "),
        String::new(),
        "false".into(),
    ]
}

/// The version of the storage's layout: that of the minor release.
pub fn storage_version(version: &str) -> String {
    let minor: Vec<&str> = version.split('.').take(2).collect();
    format!("{}.0", minor.join("."))
}

/// A table with a rule around each row of headings.
pub fn render(headings: &[&str], rows: &[Vec<String>]) -> String {
    let length = |text: &str| text.chars().count();
    let widest = |(column, heading): (usize, &&str)| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| length(cell));
        cells.max().unwrap_or(0).max(length(heading))
    };
    let widths: Vec<usize> = headings.iter().enumerate().map(widest).collect();
    let rule: String = widths.iter().map(|width| format!("+{}", "-".repeat(width + 2))).collect::<String>() + "+\n";
    let head: String =
        headings.iter().zip(&widths).map(|(heading, width)| format!("| {} ", centred(heading, *width))).collect();
    let body = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("| {cell:>width$} "));
        cells.collect::<String>() + "|\n"
    });
    format!("{rule}{head}|\n{rule}{}{rule}", body.collect::<String>())
}

/// In the middle; the odd blank goes to the right.
fn centred(text: &str, width: usize) -> String {
    let gap = width - text.chars().count();
    format!("{}{text}{}", " ".repeat(gap / 2), " ".repeat(gap - gap / 2))
}
