//! A question in a step: the learner predicts, then runs, and the simulation says what was right.
//!
//! ```text
//! How many pods run when the scheduler is gone?
//! - three :: pods -l app=web where ready count = 3
//! - five :: pods -l app=web where ready count = 5
//! ```

use crate::lesson::check::{Check, CheckError};
use crate::lesson::facts::{Facts, Moment};
use crate::lesson::said::Said;

/// A question with its options.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Quiz {
    /// What is asked.
    pub question: String,
    /// The answers, each with what is true of the cluster if it is right.
    pub options: Vec<(String, Check)>,
}

impl Quiz {
    /// Reads the lines of a fence; a fault comes with the number of its line in the fence, from 0.
    ///
    /// # Errors
    /// What is not understood.
    pub fn parse(text: &str) -> Result<Quiz, (u32, CheckError)> {
        let mut quiz = Quiz { question: String::new(), options: Vec::new() };
        for (line, n) in text.lines().zip(0..).filter(|(line, _)| !line.trim().is_empty()) {
            let fault = |column: u32, what: Said| (n, CheckError { column, what });
            match line.strip_prefix("- ").map(|option| option.split_once(" :: ")) {
                None if quiz.options.is_empty() => {
                    quiz.question = format!("{} {line}", quiz.question).trim().to_owned()
                }
                None => return Err(fault(1, ["a question comes before its options", "问题要写在选项之前"].into())),
                Some(None) => {
                    return Err(fault(1, ["an option is - words :: a check", "选项的写法是：- 文字 :: 检查"].into()));
                }
                Some(Some((words, check))) => {
                    let before = u32::try_from(words.chars().count()).unwrap_or(u32::MAX).saturating_add(6);
                    let check = Check::parse(check).map_err(|e| fault(e.column.saturating_add(before), e.what))?;
                    quiz.options.push((words.trim().to_owned(), check));
                }
            }
        }
        if quiz.question.is_empty() || quiz.options.len() < 2 {
            let what = ["a question has words and at least two options", "问题要有文字，并至少有两个选项"];
            return Err((0, CheckError { column: 1, what: what.into() }));
        }
        Ok(quiz)
    }

    /// The option that is right now; `None` if not exactly one is.
    pub fn right(&self, facts: &dyn Facts, since: Moment) -> Option<u16> {
        let mut right = (0..).zip(&self.options).filter(|(_, (_, check))| check.holds(facts, since)).map(|(n, _)| n);
        let first = right.next();
        first.filter(|_| right.next().is_none())
    }

    /// Whether two questions are decided by the same claims.
    pub fn same_claims(&self, other: &Quiz) -> bool {
        self.options.len() == other.options.len()
            && self.options.iter().zip(&other.options).all(|((_, a), (_, b))| a.same_claim(b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_options_with_checks() {
        let quiz = Quiz::parse("Who\nwins?\n- nobody :: no pods\n- all :: pods count = 3\n").expect("well-formed");
        let words: Vec<&str> = quiz.options.iter().map(|(words, _)| words.as_str()).collect();
        assert_eq!((quiz.question.as_str(), words), ("Who wins?", vec!["nobody", "all"]));
        for (text, place) in [
            ("Who?\n- a :: pods\n", (0, 1)),
            ("Who?\n- a\n- b :: pods\n", (1, 1)),
            ("Who?\n- a :: pods\n- bc :: pots\n", (2, 9)),
            ("Who?\n- a :: pods\nWhat?\n", (2, 1)),
        ] {
            assert_eq!(Quiz::parse(text).map_err(|(line, fault)| (line, fault.column)), Err(place), "{text}");
        }
    }
}
