//! A lesson played by its own solutions, as `kubarium lesson check` and the tests play it: whatever a learner would stumble
//! over is a fault with its place in the file.
//!
//! Every step must be open before its solution, done after it, done after each other right way and open after each near-miss;
//! on two seeds, and the same again on a replay.

use crate::cluster::Scenario;
use crate::kubectl::Files;
use crate::lesson::{Facts, Lesson, LessonError, Moment, Said, Step, format::Way};
use crate::session::{Script, World, WorldFacts, opening};
use crate::sim::{Span, VecMap};

/// How long the cluster gets after the last command of a way until the checks hold.
const PATIENCE: Span = Span::secs(400);
/// How long the checks must stay unmet after a near-miss.
const SUSPICION: Span = Span::secs(30);
/// How often the checks are looked at.
const STEP: Span = Span::secs(1);

/// Plays the lesson of a file; what is wrong with it, in the order in which it was found. No lesson, no play.
pub fn rehearse(text: &str) -> Vec<LessonError> {
    let (lesson, scenario) = match opening::read(text) {
        Ok(read) => read,
        Err(error) => return vec![error],
    };
    let other = Scenario { seed: scenario.seed + 1, ..scenario.clone() };
    let mut faults = Vec::new();
    let world = play(&lesson, scenario, &mut faults);
    if faults.is_empty() && World::replay(&world.recipe()).map(|again| again.digest()) != Ok(world.digest()) {
        faults.push(LessonError::at(1, ["a replay ends in another world", "重放后得到的是另一个集群"]));
    }
    if faults.is_empty() {
        let seed = other.seed;
        play(&lesson, other, &mut faults);
        for fault in &mut faults {
            let what = std::mem::take(&mut fault.what);
            fault.what = what.and(&format!(" (with seed={seed})"), &format!("（seed={seed} 时）"));
        }
    }
    faults
}

/// What two languages of a lesson do not have in common, with its place in the second.
pub fn differences(one: &Lesson, other: &Lesson) -> Vec<LessonError> {
    let mut found = Vec::new();
    let mut same = |line: u32, [en, zh]: [&str; 2], same: bool| {
        if !same {
            let en = format!("{en} differ from those of the other language");
            found.push(LessonError::at(line, Said::of(en, format!("{zh}与另一种语言的不同"))));
        }
    };
    same(1, ["the words of the scenario", "scenario 的内容"], one.scenario == other.scenario);
    let setup = |lesson: &Lesson| -> Option<Vec<String>> {
        lesson.setup.as_ref().map(|way| way.words().map(str::to_owned).collect())
    };
    same(other.setup.as_ref().map_or(1, |way| way.line), ["the setups", "setup "], setup(one) == setup(other));
    same(1, ["the numbers of steps", "步骤数"], one.steps.len() == other.steps.len());
    for (a, b) in one.steps.iter().zip(&other.steps) {
        let commands = |ways: &[Way]| -> Vec<Vec<String>> {
            ways.iter().map(|way| way.words().map(str::to_owned).collect()).collect()
        };
        let claims = a.checks.len() == b.checks.len() && a.checks.iter().zip(&b.checks).all(|(a, b)| a.same_claim(b));
        same(b.line, ["the claims of the checks", "检查的条件"], claims);
        same(b.line, ["the solutions", "解法"], commands(&a.solutions) == commands(&b.solutions));
        same(b.line, ["the near-misses", "近似错误"], commands(&a.near_misses) == commands(&b.near_misses));
        let quiz = match (&a.quiz, &b.quiz) {
            (Some(a), Some(b)) => a.same_claims(b),
            (a, b) => a.is_none() && b.is_none(),
        };
        same(b.line, ["the questions", "问题"], quiz);
        same(b.line, ["the numbers of hints", "提示数"], a.hints.len() == b.hints.len());
    }
    found
}

/// Plays it to its end, or to the first step that cannot be done.
fn play(lesson: &Lesson, scenario: Scenario, faults: &mut Vec<LessonError>) -> World {
    let mut world = match opening::begin(lesson, scenario) {
        Ok(world) => world,
        Err(fault) => {
            faults.push(fault);
            return World::boot(Scenario::default());
        }
    };
    for step in &lesson.steps {
        let before = faults.len();
        let since = WorldFacts(&world.cluster).now();
        if step.is_done(&WorldFacts(&world.cluster), since) {
            faults.push(LessonError::at(
                step.line,
                ["this step is done before its solution", "这个步骤在执行解法之前就已完成"],
            ));
        }
        for way in &step.near_misses {
            let end = walk(&world, way, faults);
            if settle(step, since, end, SUSPICION).1 {
                faults.push(LessonError::at(way.line, ["this near-miss passes the checks", "这个近似错误通过了检查"]));
            }
        }
        for way in step.solutions.iter().skip(1) {
            let end = walk(&world, way, faults);
            finish(step, since, way, end, faults);
        }
        let end = walk(&world, step.solution(), faults);
        world = finish(step, since, step.solution(), end, faults);
        if faults.len() > before {
            break;
        }
    }
    world
}

/// The world after the commands of a way; one that fails is a fault.
fn walk(world: &World, way: &Way, faults: &mut Vec<LessonError>) -> World {
    let files: VecMap<String, Vec<u8>> = VecMap::new();
    let mut script = Script::on(world.clone(), &files as &dyn Files);
    for (line, command) in &way.commands {
        let answer = script.run(command);
        if answer.rc != 0 {
            faults.push(LessonError::at(*line, opening::failed(&answer)));
        }
    }
    script.into_world()
}

/// Waits for the checks; those that never hold are faults.
fn finish(step: &Step, since: Moment, way: &Way, world: World, faults: &mut Vec<LessonError>) -> World {
    let (world, done) = settle(step, since, world, PATIENCE);
    let facts: &dyn Facts = &WorldFacts(&world.cluster);
    if !done {
        for check in step.checks.iter().filter(|check| !check.holds(facts, since)) {
            faults.push(LessonError::at(way.line, still(&check.missing)));
        }
    } else if step.quiz.as_ref().is_some_and(|quiz| quiz.right(facts, since).is_none()) {
        faults.push(LessonError::at(
            way.line,
            ["after this, not exactly one answer is right", "这之后，正确答案不是恰好一个"],
        ));
    }
    world
}

/// A check that never holds.
fn still(missing: &str) -> Said {
    Said::of(format!("after this, still: {missing}"), format!("这之后仍然：{missing}"))
}

/// Lets time pass until the step is done or the patience is over; whether it is done.
fn settle(step: &Step, since: Moment, mut world: World, patience: Span) -> (World, bool) {
    let limit = world.now() + patience;
    loop {
        if step.is_done(&WorldFacts(&world.cluster), since) {
            return (world, true);
        }
        if world.now() >= limit {
            return (world, false);
        }
        let next = world.now() + STEP;
        world.run_until(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LESSON: &str = "---\ntitle: T\nsummary: S\nscenario: nodes=1 masters=0\n---\n\n## One\n```check\npods web -- No web.\n```\n\
        ```solution\nkubectl run web --image=nginx\n```\n```solution\nkubectl run web --image=httpd\n```\n```nearmiss\n\
        kubectl run wbe --image=nginx\n```\n";

    #[test]
    fn faults_of_a_lesson_have_their_place() {
        for (from, to, faults) in [
            ("", "", vec![]),
            (
                "nodes=1",
                "nods=1",
                vec![
                    "4:1: \"nods=1\" is none of nodes=, masters=, names=, backend=, proxy=, scheduler=, policy=, cloud=, pull=, seed=",
                ],
            ),
            ("pods web --", "pots web --", vec!["9:1: \"pots\" is not a resource such as pods"]),
            (
                "pods web --",
                "nodes --",
                vec!["7:1: this step is done before its solution", "17:1: this near-miss passes the checks"],
            ),
            (
                "pods web --",
                "pods web where .spec.containers[*].image = nginx --",
                vec!["14:1: after this, still: No web."],
            ),
            ("run wbe", "run web", vec!["17:1: this near-miss passes the checks"]),
            ("---\n\n## One", "---\n```setup\nkubectl run db --image=redis\n!wait 5s\n```\n## One", vec![]),
            (
                "---\n\n## One",
                "---\n```setup\n!wait 5s\nkubectl delete pod nope\n```\n## One",
                vec!["8:1: exit code 1: Error from server (NotFound): pods \"nope\" not found"],
            ),
            ("---\n\n## One", "---\n```setup\n!at 100000h\n```\n## One", vec!["7:1: a setup takes at most 24 hours"]),
            (
                "kubectl run web --image=httpd",
                "kubectl run web",
                vec![
                    "15:1: exit code 1: error: required flag(s) \"image\" not set",
                    "14:1: after this, still: No web.",
                ],
            ),
        ] {
            let found: Vec<String> = rehearse(&LESSON.replace(from, to)).iter().map(ToString::to_string).collect();
            assert_eq!(found, faults, "{from:?} -> {to:?}");
        }
    }

    #[test]
    fn two_languages_do_the_same() {
        let parse = |text: &str| Lesson::parse(text).expect("well-formed");
        let one = parse(LESSON);
        for (from, to, faults) in [
            ("No web.", "没有 web。", vec![]),
            (
                "pods web --",
                "pods web where ready --",
                vec!["7:1: the claims of the checks differ from those of the other language"],
            ),
            ("run wbe", "run wob", vec!["7:1: the near-misses differ from those of the other language"]),
        ] {
            let found: Vec<String> =
                differences(&one, &parse(&LESSON.replace(from, to))).iter().map(ToString::to_string).collect();
            assert_eq!(found, faults, "{from:?} -> {to:?}");
        }
    }
}
