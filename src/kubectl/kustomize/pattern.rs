//! Patterns of a patch's target: the part of regular expressions that names are matched with, anchored at both ends.
//!
//! Models `types.SelectorRegex` of kustomize. Differs: no classes with a backslash but `\.` and its like, no counted
//! repetition; who could tell: `\d`, `a{2}`.

/// One thing to match.
enum Node {
    Char(char),
    Any,
    Class(Vec<(char, char)>, bool),
    Group(Vec<Vec<Item>>),
}

/// A thing and how often: at least, and whether more.
struct Item {
    node: Node,
    least: u32,
    most: u32,
}

/// Whether the whole of a text matches; an empty pattern matches all.
pub fn matches(pattern: &str, text: &str) -> bool {
    if pattern.is_empty() || pattern == text {
        return true;
    }
    let chars: Vec<char> = pattern.chars().collect();
    let mut at = 0;
    let branches = alternatives(&chars, &mut at);
    let text: Vec<char> = text.chars().collect();
    branches.iter().any(|items| run(items, &text, &mut |rest| rest.is_empty()))
}

fn alternatives(chars: &[char], at: &mut usize) -> Vec<Vec<Item>> {
    let mut branches = vec![Vec::new()];
    while let Some(&c) = chars.get(*at) {
        *at += 1;
        let node = match c {
            ')' => break,
            '|' => {
                branches.push(Vec::new());
                continue;
            }
            '^' | '$' => continue,
            '.' => Node::Any,
            '(' => {
                if chars.get(*at..*at + 2) == Some(&['?', ':']) {
                    *at += 2;
                }
                Node::Group(alternatives(chars, at))
            }
            '[' => class(chars, at),
            '\\' => {
                *at += 1;
                Node::Char(chars.get(*at - 1).copied().unwrap_or('\\'))
            }
            c => Node::Char(c),
        };
        let (least, most) = match chars.get(*at) {
            Some('*') => (0, u32::MAX),
            Some('+') => (1, u32::MAX),
            Some('?') => (0, 1),
            _ => (1, 1),
        };
        if (least, most) != (1, 1) {
            *at += 1;
        }
        if let Some(branch) = branches.last_mut() {
            branch.push(Item { node, least, most });
        }
    }
    branches
}

fn class(chars: &[char], at: &mut usize) -> Node {
    let not = chars.get(*at) == Some(&'^');
    if not {
        *at += 1;
    }
    let mut ranges = Vec::new();
    while let Some(&from) = chars.get(*at) {
        *at += 1;
        match (from, chars.get(*at), chars.get(*at + 1)) {
            (']', ..) if !ranges.is_empty() => break,
            (from, Some('-'), Some(&to)) if to != ']' => {
                ranges.push((from, to));
                *at += 2;
            }
            (from, ..) => ranges.push((from, from)),
        }
    }
    Node::Class(ranges, not)
}

fn run(items: &[Item], text: &[char], then: &mut dyn FnMut(&[char]) -> bool) -> bool {
    match items.split_first() {
        None => then(text),
        Some((item, rest)) => repeat(item, 0, text, &mut |left| run(rest, left, then)),
    }
}

fn repeat(item: &Item, done: u32, text: &[char], then: &mut dyn FnMut(&[char]) -> bool) -> bool {
    let more = done < item.most
        && once(&item.node, text, &mut |left| {
            // A group that took nothing would go on for ever.
            left.len() < text.len() && repeat(item, done + 1, left, then)
        });
    more || (done >= item.least && then(text))
}

fn once(node: &Node, text: &[char], then: &mut dyn FnMut(&[char]) -> bool) -> bool {
    let fits = |c: char| match node {
        Node::Char(wanted) => c == *wanted,
        Node::Any => true,
        Node::Class(ranges, not) => ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *not,
        Node::Group(_) => false,
    };
    match (node, text.split_first()) {
        (Node::Group(branches), _) => branches.iter().any(|items| run(items, text, then)),
        (_, Some((c, rest))) => fits(*c) && then(rest),
        (_, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_pattern_matches_the_whole_name() {
        for (pattern, text, expected) in [
            ("", "web", true),
            ("web", "web", true),
            ("web", "web-1", false),
            ("web.*", "web-1", true),
            ("Deployment|Service", "Service", true),
            ("Deployment|Service", "ServiceAccount", false),
            ("^w[a-f]b-(one|two)$", "web-two", true),
            ("(ab)+c?", "abab", true),
            ("[^x]+", "web", true),
            ("a\\.b", "axb", false),
            ("(a*)*", "b", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
