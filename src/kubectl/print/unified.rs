//! Two texts as `diff -u` compares them. Models GNU diff's unified output with three lines of context.

/// The lines of context around a change.
const CONTEXT: usize = 3;

/// What became of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Removed,
    Added,
}

/// The hunks from one text to another; empty if they are the same.
pub fn hunks(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let script = script(&old, &new);
    let mut out = String::new();
    let mut at = 0;
    while let Some(first) = (at..script.len()).find(|i| script[*i].0 != Fate::Kept) {
        let mut last = first;
        // Changes that are so near that their contexts would touch are one hunk.
        while let Some(next) =
            (last + 1..script.len().min(last + 2 * CONTEXT + 2)).rfind(|i| script[*i].0 != Fate::Kept)
        {
            last = next;
        }
        let (begin, end) = (first.saturating_sub(CONTEXT), (last + 1 + CONTEXT).min(script.len()));
        hunk(&script, begin, end, &mut out);
        at = last + 1;
    }
    out
}

fn hunk(script: &[(Fate, &str)], begin: usize, end: usize, out: &mut String) {
    let count = |lines: &[(Fate, &str)], without: Fate| lines.iter().filter(|(fate, _)| *fate != without).count();
    let range = |without: Fate| {
        let (before, inside) = (count(&script[..begin], without), count(&script[begin..end], without));
        match inside {
            0 => format!("{before},0"),
            1 => format!("{}", before + 1),
            n => format!("{},{n}", before + 1),
        }
    };
    out.push_str(&format!("@@ -{} +{} @@\n", range(Fate::Added), range(Fate::Removed)));
    for (fate, line) in &script[begin..end] {
        let sign = match fate {
            Fate::Kept => ' ',
            Fate::Removed => '-',
            Fate::Added => '+',
        };
        out.push_str(&format!("{sign}{line}\n"));
    }
}

/// Every line of both texts in order: a longest common subsequence stays, of a change the removed lines come first.
fn script<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<(Fate, &'t str)> {
    let same = |(a, b): &(&&str, &&str)| a == b;
    let head = old.iter().zip(new).take_while(same).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(same).count();
    let (a, b) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    // The length of the longest common subsequence of what begins at each pair of lines.
    let mut common = vec![vec![0_u32; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] = if a[i] == b[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let mut found: Vec<(Fate, &str)> = old[..head].iter().map(|line| (Fate::Kept, *line)).collect();
    let (mut i, mut j) = (0, 0);
    let mut added = Vec::new();
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            found.append(&mut added);
            found.push((Fate::Kept, a[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < a.len() && (j == b.len() || common[i + 1][j] >= common[i][j + 1]) {
            found.push((Fate::Removed, a[i]));
            i += 1;
        } else {
            added.push((Fate::Added, b[j]));
            j += 1;
        }
    }
    found.append(&mut added);
    found.extend(old[old.len() - tail..].iter().map(|line| (Fate::Kept, *line)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: &str, new: &str, expected: &str) {
        let lines = |text: &str| text.chars().map(|c| format!("{c}\n")).collect::<String>();
        assert_eq!(hunks(&lines(old), &lines(new)).replace('\n', " "), expected, "{old} {new}");
    }

    #[test]
    fn hunks_are_those_of_diff() {
        check("abc", "abc", "");
        check("", "ab", "@@ -0,0 +1,2 @@ +a +b ");
        check("ab", "", "@@ -1,2 +0,0 @@ -a -b ");
        check("a", "b", "@@ -1 +1 @@ -a +b ");
        check("abcdefgh", "abcdXfgh", "@@ -2,7 +2,7 @@  b  c  d -e +X  f  g  h ");
        check("abcdefgh", "Xbcdefgh", "@@ -1,4 +1,4 @@ -a +X  b  c  d ");
        check("a123456b", "x123456y", "@@ -1,8 +1,8 @@ -a +x  1  2  3  4  5  6 -b +y ");
        check("a1234567b", "x1234567y", "@@ -1,4 +1,4 @@ -a +x  1  2  3 @@ -6,4 +6,4 @@  5  6  7 -b +y ");
        check("abc", "abXYc", "@@ -1,3 +1,5 @@  a  b +X +Y  c ");
    }
}
