//! A line of the terminal as a row of stages: programs beside the cluster, and pieces of its own shell between them.
//!
//! `kubectl get pods -o name | sort > names` is kubectl, then `sort > names` in the shell. One stage runs after the other, each
//! with all that the one before printed as its input. Differs: a stage that never ends (`logs -f | grep`) passes nothing on
//! before it is interrupted.

use crate::line::{self, Line, LineError};
use crate::session::home::Home;

/// One stage of a line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// A program.
    Program(Line),
    /// A script for the terminal's shell.
    Shell(String),
}

/// Programs beside the cluster.
const PROGRAMS: [&str; 4] = ["etcdctl", "k", "kubectl", "node"];

/// Reads a line; never empty.
///
/// # Errors
/// More text must follow, or it needs what the terminal does not have.
pub fn read(text: &str) -> Result<Vec<Stage>, LineError> {
    let operators = line::operators(text)?;
    if operators.is_empty() {
        let line = line::parse(text)?;
        let shell = line.words.first().is_some_and(|word| Home::runs(word));
        return Ok(vec![if shell { Stage::Shell(text.to_owned()) } else { Stage::Program(line) }]);
    }
    let cuts: Vec<usize> = operators
        .iter()
        .filter(|(at, c)| *c == '|' && text.get(at + 1..at + 2) != Some("|") && !text[..*at].ends_with('|'))
        .map(|(at, _)| *at)
        .collect();
    let mut stages: Vec<Stage> = Vec::new();
    let starts = [0].into_iter().chain(cuts.iter().map(|at| at + 1));
    for (from, to) in starts.zip(cuts.iter().copied().chain([text.len()])) {
        let part = text[from..to].trim();
        if is_program(part) {
            stages.extend(program(part)?);
        } else if let Some(Stage::Shell(before)) = stages.last_mut() {
            before.push_str(" | ");
            before.push_str(part);
        } else if from > 0 || head(part).and_then(|head| head.split_whitespace().next()).is_some_and(Home::runs) {
            stages.push(Stage::Shell(part.to_owned()));
        } else {
            return line::parse(text).map(|line| vec![Stage::Program(line)]);
        }
    }
    Ok(stages)
}

/// What stands before the first operator of a part.
fn head(part: &str) -> Option<&str> {
    let operators = line::operators(part).ok()?;
    Some(&part[..operators.first().map_or(part.len(), |(at, _)| *at)])
}

/// Whether a part begins with a program, after what it sets for it.
fn is_program(part: &str) -> bool {
    let line = head(part).and_then(|head| line::parse(head).ok());
    let word = line.and_then(|line| line.words.into_iter().find(|word| !is_assignment(word)));
    word.is_some_and(|word| PROGRAMS.contains(&word.as_str()))
}

/// Whether a word sets a variable.
pub fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// A program, and the file that it prints into.
fn program(part: &str) -> Result<Vec<Stage>, LineError> {
    match line::operators(part)?.first() {
        Some((at, '>')) if !part[..*at].ends_with(" 2") => {
            let file = Stage::Shell(format!("cat {}", &part[*at..]));
            Ok(vec![Stage::Program(line::parse(&part[..*at])?), file])
        }
        _ => Ok(vec![Stage::Program(line::parse(part)?)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let shown = |stage: &Stage| match stage {
            Stage::Program(line) => format!("<{}>", line.words.join(" ")),
            Stage::Shell(text) => format!("[{text}]"),
        };
        match read(text) {
            Ok(stages) => stages.iter().map(shown).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_line_is_cut_between_programs_and_the_shell() {
        for (text, expected) in [
            ("kubectl get pods", "<kubectl get pods>"),
            ("k get po | grep web | wc -l", "<k get po> [grep web | wc -l]"),
            ("kubectl kustomize . > all.yaml", "<kubectl kustomize .> [cat > all.yaml]"),
            ("cat a.yaml | kubectl apply -f -", "[cat a.yaml] <kubectl apply -f ->"),
            ("ls; echo 'a | b' && pwd", "[ls; echo 'a | b' && pwd]"),
            ("kubectl exec web -- sh -c 'ls | wc'", "<kubectl exec web -- sh -c ls | wc>"),
            ("A=b kubectl edit x", "<A=b kubectl edit x>"),
            ("cat > a <<E\nx\nE", "[cat > a <<E\nx\nE]"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
        assert_eq!(read("cat > a <<E\nx"), Err(LineError::Incomplete));
        for text in ["kubectl get pods; ls", "kubectl get pods 2> x", "kubectl get pods || true", "nope | wc"] {
            assert!(matches!(read(text), Err(LineError::Unsupported(_))), "{text}: {}", shown(text));
        }
    }
}
