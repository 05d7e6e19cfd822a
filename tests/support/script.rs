//! Runs a text of the scripted terminal, line by line as `kubarium run --echo` does.

use kubarium::sim::VecMap;

use kubarium::session::Script;
use kubarium::session::script::Answer;

/// The files that a script may name with `-f`.
pub type Files = VecMap<String, Vec<u8>>;

/// Runs every line; `each` gets the line and its answer, with the time at which the line began.
pub fn run<'a>(text: &str, files: &'a Files, mut each: impl FnMut(&mut Script<'a>, &str, &Answer)) -> Script<'a> {
    let mut script = Script::new(files);
    let lines = text.lines().map(Some).chain([None]);
    for line in lines {
        let whole = match line {
            Some(line) => script.gather(line),
            None => Some(script.rest()),
        };
        let Some(line) = whole.filter(|line| !line.is_empty()) else { continue };
        let began = script.now();
        let answer = Answer { t: began, ..script.run(&line) };
        each(&mut script, &line, &answer);
    }
    script
}

/// The digest after a script.
#[allow(dead_code, reason = "not every test that runs scripts wants it")]
pub fn digest(text: &str) -> String {
    run(text, &Files::new(), |_, line, answer| assert_eq!(answer.rc, 0, "{line}\n{}", answer.stderr))
        .world()
        .digest()
        .to_string()
}
