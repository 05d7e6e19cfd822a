//! Lessons as tests: every lesson is the same in both languages, its checks are false before its own solution and true after
//! it, whatever the seed, and running it twice gives one world.

use kubarium::sim::VecMap;

use kubarium::cluster::Scenario;
use kubarium::lesson::{ALL, Facts, Lesson, Source};
use kubarium::session::{Script, WorldFacts};
use kubarium::sim::Span;

/// How long the cluster gets after a solution until a check holds.
const PATIENCE_S: u64 = 60;

fn both(source: &Source) -> [Lesson; 2] {
    [("en", source.en), ("zh", source.zh)].map(|(language, text)| match Lesson::parse(text) {
        Ok(lesson) => lesson,
        Err(error) => panic!("lessons/{}.{language}.md: {error}", source.id),
    })
}

/// Plays a lesson by its solution on a seed; the digest at its end.
fn play(id: &str, lesson: &Lesson, seed: u64) -> String {
    let files: VecMap<String, Vec<u8>> = VecMap::new();
    let mut script = Script::new(&files);
    let scenario: Scenario = lesson.scenario.parse().expect("a lesson names a scenario");
    let words = Scenario { seed, ..scenario }.to_string();
    assert_eq!(script.run(&format!("!cluster {words}")).stderr, "", "{id}");
    for step in &lesson.steps {
        let place = format!("{id}, {:?}, seed {seed}", step.title);
        assert!(!all_hold(&mut script, step), "{place}: done before its solution");
        assert!(!step.solution.is_empty(), "{place}: no solution");
        for line in &step.solution {
            let answer = script.run(line);
            assert_eq!(answer.rc, 0, "{place}: {line}\n{}{}", answer.stdout, answer.stderr);
        }
        let waited = (0..PATIENCE_S).find(|_| {
            let done = all_hold(&mut script, step);
            if !done {
                let next = script.world().now() + Span::secs(1);
                script.world().run_until(next);
            }
            done
        });
        let missing: Vec<&str> = {
            let world = script.world();
            let facts = WorldFacts(&world.cluster);
            step.checks.iter().filter(|check| !check.holds(&facts)).map(|check| check.missing.as_str()).collect()
        };
        assert!(waited.is_some(), "{place}: not done after its solution: {missing:?}");
    }
    script.world().digest().to_string()
}

fn all_hold(script: &mut Script<'_>, step: &kubarium::lesson::Step) -> bool {
    let world = script.world();
    let facts: &dyn Facts = &WorldFacts(&world.cluster);
    step.checks.iter().all(|check| check.holds(facts))
}

#[test]
fn every_lesson_is_the_same_in_both_languages() {
    for source in ALL {
        let [en, zh] = both(source);
        assert_eq!(en.scenario, zh.scenario, "{}", source.id);
        assert_eq!(en.steps.len(), zh.steps.len(), "{}", source.id);
        for (one, other) in en.steps.iter().zip(&zh.steps) {
            let same = one.checks.len() == other.checks.len()
                && one.checks.iter().zip(&other.checks).all(|(a, b)| a.same_claim(b));
            assert!(same, "{}: {:?} and {:?} check different things", source.id, one.title, other.title);
            assert_eq!(one.solution, other.solution, "{}: {:?}", source.id, one.title);
            assert_eq!(one.hints.len(), other.hints.len(), "{}: {:?}", source.id, one.title);
            assert_ne!(one.prose, other.prose, "{}: {:?} is not translated", source.id, one.title);
        }
    }
}

#[test]
fn every_step_is_open_before_its_solution_and_done_after_it() {
    for source in ALL {
        let [lesson, _] = both(source);
        let scenario: Scenario = lesson.scenario.parse().expect("a lesson names a scenario");
        let once = play(source.id, &lesson, scenario.seed);
        assert_eq!(once, play(source.id, &lesson, scenario.seed), "{}: another world on a replay", source.id);
        play(source.id, &lesson, scenario.seed + 1);
    }
}
