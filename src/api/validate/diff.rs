//! The difference of two texts or structs, as upstream adds it to "field is immutable" and the like: a unified diff of their JSON.
//!
//! Models `k8s.io/apimachinery/pkg/util/diff` and the matcher of `go-difflib` (which is Python's): the longest run of equal
//! lines first, then what is before and after it; in texts of 200 lines and more, lines that are frequent begin no run.

use crate::sim::VecMap;
use std::fmt::Write;

use super::go_form::Form;

/// Equal lines around a change.
const CONTEXT: usize = 3;
/// From so many lines on, frequent lines begin no run.
const MANY: usize = 200;

/// A run of equal lines: where it begins in the one and in the other, and its length.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Run {
    a: usize,
    b: usize,
    len: usize,
}

/// A piece of both: equal, or replaced (either side may be empty).
#[derive(Clone, Copy)]
struct Piece {
    equal: bool,
    a: (usize, usize),
    b: (usize, usize),
}

/// What changed from one struct to another; empty if nothing did.
pub fn forms(old: &Form, new: &Form) -> String {
    unified(&old.lines(), &new.lines())
}

/// The same of two texts, by lines.
pub fn lines(old: &[String], new: &[String]) -> String {
    unified(old, new)
}

fn unified(a: &[String], b: &[String]) -> String {
    let mut out = String::new();
    for group in groups(&pieces(a, b)) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let (a_range, b_range) = (range(first.a.0, last.a.1), range(first.b.0, last.b.1));
        let _ = writeln!(out, "@@ -{a_range} +{b_range} @@");
        for piece in group {
            let mut put = |mark: char, lines: &[String]| {
                lines.iter().for_each(|line| {
                    let _ = writeln!(out, "{mark}{line}");
                });
            };
            if piece.equal {
                put(' ', &a[piece.a.0..piece.a.1]);
            } else {
                put('-', &a[piece.a.0..piece.a.1]);
                put('+', &b[piece.b.0..piece.b.1]);
            }
        }
    }
    out
}

fn range(start: usize, stop: usize) -> String {
    match stop - start {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        len => format!("{},{len}", start + 1),
    }
}

/// Pieces with at most the context around changes, in groups that are far from each other.
fn groups(pieces: &[Piece]) -> Vec<Vec<Piece>> {
    let mut groups = Vec::new();
    let mut group = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let Piece { equal, a, b } = *piece;
        if !equal {
            group.push(*piece);
            continue;
        }
        let len = a.1 - a.0;
        let head = Piece { equal, a: (a.0, a.0 + len.min(CONTEXT)), b: (b.0, b.0 + len.min(CONTEXT)) };
        let tail = Piece { equal, a: (a.1 - len.min(CONTEXT), a.1), b: (b.1 - len.min(CONTEXT), b.1) };
        if at == 0 {
            group.push(tail);
        } else if at + 1 == pieces.len() {
            group.push(head);
        } else if len > 2 * CONTEXT {
            group.push(head);
            groups.push(std::mem::take(&mut group));
            group.push(tail);
        } else {
            group.push(*piece);
        }
    }
    groups.push(group);
    groups.retain(|group| group.iter().any(|piece| !piece.equal));
    groups
}

fn pieces(a: &[String], b: &[String]) -> Vec<Piece> {
    let mut out = Vec::new();
    let (mut i, mut j) = (0, 0);
    for run in runs(a, b) {
        if i < run.a || j < run.b {
            out.push(Piece { equal: false, a: (i, run.a), b: (j, run.b) });
        }
        (i, j) = (run.a + run.len, run.b + run.len);
        if run.len > 0 {
            out.push(Piece { equal: true, a: (run.a, i), b: (run.b, j) });
        }
    }
    out
}

/// The runs of equal lines, adjacent ones joined, and an empty one at the end.
fn runs(a: &[String], b: &[String]) -> Vec<Run> {
    let mut places: VecMap<&str, Vec<usize>> = VecMap::new();
    for (at, line) in b.iter().enumerate() {
        places.entry(line).or_default().push(at);
    }
    if b.len() >= MANY {
        places.retain(|_, at| at.len() <= b.len() / 100 + 1);
    }
    let mut found = Vec::new();
    between(a, b, &places, (0, a.len()), (0, b.len()), &mut found);
    let mut joined: Vec<Run> = Vec::new();
    for run in found {
        match joined.last_mut() {
            Some(last) if last.a + last.len == run.a && last.b + last.len == run.b => last.len += run.len,
            _ => joined.push(run),
        }
    }
    joined.push(Run { a: a.len(), b: b.len(), len: 0 });
    joined
}

type Places<'a> = VecMap<&'a str, Vec<usize>>;

fn between(
    a: &[String],
    b: &[String],
    places: &Places<'_>,
    ra: (usize, usize),
    rb: (usize, usize),
    out: &mut Vec<Run>,
) {
    let run = longest(a, b, places, ra, rb);
    if run.len == 0 {
        return;
    }
    if ra.0 < run.a && rb.0 < run.b {
        between(a, b, places, (ra.0, run.a), (rb.0, run.b), out);
    }
    out.push(run);
    if run.a + run.len < ra.1 && run.b + run.len < rb.1 {
        between(a, b, places, (run.a + run.len, ra.1), (run.b + run.len, rb.1), out);
    }
}

/// The longest run in both ranges, the first of them if there are more.
fn longest(a: &[String], b: &[String], places: &Places<'_>, ra: (usize, usize), rb: (usize, usize)) -> Run {
    let mut best = Run { a: ra.0, b: rb.0, len: 0 };
    // The lengths of the runs that end at the line before, by where they end in `b`.
    let mut ending: VecMap<usize, usize> = VecMap::new();
    for (i, line) in a.iter().enumerate().take(ra.1).skip(ra.0) {
        let mut here = VecMap::new();
        let of = places.get(line.as_str()).map(Vec::as_slice).unwrap_or_default();
        for j in of.iter().copied().filter(|j| (rb.0..rb.1).contains(j)) {
            let len = j.checked_sub(1).and_then(|before| ending.get(&before)).copied().unwrap_or(0) + 1;
            here.insert(j, len);
            if len > best.len {
                best = Run { a: i + 1 - len, b: j + 1 - len, len };
            }
        }
        ending = here;
    }
    while best.a > ra.0 && best.b > rb.0 && a[best.a - 1] == b[best.b - 1] {
        best = Run { a: best.a - 1, b: best.b - 1, len: best.len + 1 };
    }
    while best.a + best.len < ra.1 && best.b + best.len < rb.1 && a[best.a + best.len] == b[best.b + best.len] {
        best.len += 1;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: &str, new: &str, want: &[&str]) {
        let lines = |text: &str| text.split(' ').filter(|l| !l.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        let got = unified(&lines(old), &lines(new));
        assert_eq!(got.lines().collect::<Vec<_>>(), want);
    }

    #[test]
    fn a_change_is_shown_with_three_lines_around_it() {
        check(
            "1 2 3 4 5 6 7 8",
            "1 2 3 4 x 6 7 8",
            &["@@ -2,7 +2,7 @@", " 2", " 3", " 4", "-5", "+x", " 6", " 7", " 8"],
        );
        check("a b", "a b", &[]);
        check("a", "a b", &["@@ -1 +1,2 @@", " a", "+b"]);
        check("", "b", &["@@ -0,0 +1 @@", "+b"]);
    }

    #[test]
    fn changes_that_are_far_from_each_other_are_shown_apart() {
        let old = "a 1 2 3 4 5 6 7 b";
        check(
            old,
            "x 1 2 3 4 5 6 7 y",
            &["@@ -1,4 +1,4 @@", "-a", "+x", " 1", " 2", " 3", "@@ -6,4 +6,4 @@", " 5", " 6", " 7", "-b", "+y"],
        );
    }
}
