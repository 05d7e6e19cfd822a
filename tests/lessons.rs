//! Lessons as tests: every lesson says and does the same in both languages, and passes its rehearsal
//! (`src/session/rehearsal.rs`): each step open before its solution and after its near-misses, done after every right way.

use kubarium::lesson::{ALL, Lesson, Source};
use kubarium::session::rehearsal::{differences, rehearse};

fn check(source: &Source) {
    let faults: Vec<String> =
        rehearse(source.en).iter().map(|fault| format!("lessons/{}.en.md:{fault}", source.id)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Every `of`-th lesson from the `nth`: so they share the machine's cores.
fn check_share(nth: usize, of: usize) {
    ALL.iter().skip(nth).step_by(of).for_each(check);
}

#[test]
fn every_lesson_is_the_same_in_both_languages() {
    for source in ALL {
        let [en, zh] = [("en", source.en), ("zh", source.zh)].map(|(language, text)| match Lesson::parse(text) {
            Ok(lesson) => lesson,
            Err(error) => panic!("lessons/{}.{language}.md:{error}", source.id),
        });
        let faults: Vec<String> =
            differences(&en, &zh).iter().map(|fault| format!("lessons/{}.zh.md:{fault}", source.id)).collect();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        for (one, other) in en.steps.iter().zip(&zh.steps) {
            assert_ne!(one.prose, other.prose, "{}: {:?} is not translated", source.id, one.title);
        }
    }
}

#[test]
fn the_first_of_every_three_lessons_pass_their_rehearsal() {
    check_share(0, 3);
}

#[test]
fn the_second_of_every_three_lessons_pass_their_rehearsal() {
    check_share(1, 3);
}

#[test]
fn the_third_of_every_three_lessons_pass_their_rehearsal() {
    check_share(2, 3);
}
