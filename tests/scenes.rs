//! The scenes of `lessons/scenes`: each runs without a command failing, is at its end what it says, can be replayed, and has
//! its words in both languages.

#[path = "support/script.rs"]
mod script;

use kubarium::lesson::scene::{SCENES, Scene};
use kubarium::lesson::{Check, Moment};
use kubarium::session::script::Answer;
use kubarium::session::{World, WorldFacts};

use script::Files;

/// What is wrong with a scene.
fn faults(scene: &Scene) -> Vec<String> {
    let mut faults = Vec::new();
    let fails = |line: &str, answer: &Answer| (answer.rc != 0).then(|| format!(" {line}\n{}", answer.stderr));
    let files = Files::new();
    let script = script::run(scene.script, &files, |_, line, answer| faults.extend(fails(line, answer)));
    let world = script.into_world();
    let mut checks = 0;
    for claim in scene.said("check") {
        checks += 1;
        match Check::parse(claim) {
            Err(error) => faults.push(format!("{claim}: {error:?}")),
            Ok(check) if !check.holds(&WorldFacts(&world.cluster), Moment::default()) => {
                faults.push(format!("{claim}: is not so"));
            }
            Ok(_) => {}
        }
    }
    if checks == 0 {
        faults.push("says nothing that must be true".into());
    }
    if World::replay(&world.recipe()).map(|again| again.digest()) != Ok(world.digest()) {
        faults.push("a replay ends in another world".into());
    }
    faults.into_iter().map(|fault| format!("lessons/scenes/{}.script:{fault}", scene.id)).collect()
}

/// Every `of`-th scene from the `nth`: so they share the machine's cores.
fn check_share(nth: usize, of: usize) {
    let faults: Vec<String> = SCENES.iter().skip(nth).step_by(of).flat_map(faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_first_half_of_the_scenes_are_what_they_say() {
    check_share(0, 2);
}

#[test]
fn the_other_half_of_the_scenes_are_what_they_say() {
    check_share(1, 2);
}

#[test]
fn every_scene_has_its_words_in_both_languages() {
    for scene in SCENES {
        for what in ["title", "shows"] {
            let [en, zh] = ["en", "zh"].map(|language| {
                let words: Vec<&str> = scene.said(&format!("{what}.{language}")).collect::<Vec<_>>();
                assert!(matches!(words[..], [one] if !one.is_empty()), "{}: {what}.{language}", scene.id);
                words.concat()
            });
            assert_ne!(en, zh, "{}: {what} is not translated", scene.id);
        }
    }
}

#[test]
fn every_file_in_the_folder_is_a_scene() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons/scenes");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    let mut known: Vec<String> = SCENES.iter().map(|scene| format!("{}.script", scene.id)).collect();
    known.sort();
    assert_eq!(files, known);
}
