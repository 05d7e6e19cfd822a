//! Scenes in a session: played by the scripted terminal, shown as if a learner had typed them.

use crate::kubectl::NoFiles;
use crate::lesson::scene::{SCENES, Scene};
use crate::session::protocol::{Chunk, Stream};
use crate::session::script::Script;
use crate::session::{PROMPT, World};
use crate::view::{Locale, SceneTitle};

/// The scenes, in a language.
pub(super) fn titles(locale: Locale) -> Vec<SceneTitle> {
    let said = |scene: &Scene, what: &str| -> String { scene.said(&format!("{what}.{}", locale.language())).collect() };
    let title = |scene: &Scene| SceneTitle {
        id: scene.id.to_owned(),
        title: said(scene, "title"),
        shows: said(scene, "shows"),
    };
    SCENES.iter().map(title).collect()
}

/// The world at the end of a scene, and what its terminal shows. `None` if there is no such scene.
pub(super) fn play(id: &str) -> Option<(World, Vec<Chunk>)> {
    let scene = Scene::by_id(id)?;
    let mut script = Script::new(&NoFiles);
    let mut chunks = Vec::new();
    for (_, line) in crate::line::split(scene.script) {
        let answer = script.run(&line);
        if let Some(typed) = typed(&line) {
            let mut say = |stream, text| chunks.push(Chunk { stream, text, links: Vec::new() });
            say(Stream::Echo, format!("{PROMPT}{typed}\n"));
            say(Stream::Out, answer.stdout);
            say(Stream::Err, answer.stderr);
        }
    }
    chunks.retain(|chunk| !chunk.text.is_empty());
    Some((script.into_world(), chunks))
}

/// What of a line of the script a learner would type.
fn typed(line: &str) -> Option<&str> {
    match line.strip_prefix('!') {
        None => Some(line).filter(|line| !line.starts_with('#')),
        Some(_) if line.starts_with("!fault ") => Some(line),
        Some(words) => words.strip_prefix("expect-exit ").and_then(|rest| Some(rest.split_once(' ')?.1)),
    }
}
