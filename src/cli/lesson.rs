//! `kubarium lesson check FILE…`: lessons are read and played as the tests play them, without being compiled in.
//! `kubarium link FILE…`: they become a link.

use std::path::Path;

use crate::lesson::Lesson;
use crate::session::rehearsal::{differences, rehearse};
use crate::session::{opening, sharing};
use crate::share::Markdown;

/// A lesson file as it was read.
struct File<'a> {
    path: &'a str,
    text: String,
}

/// Checks the files; the exit code: 0 if all are good, 1 if one has a fault, 2 if one cannot be read.
pub(super) fn check(paths: &[String]) -> u8 {
    let mut files = Vec::new();
    for path in paths {
        match std::fs::read_to_string(path) {
            Ok(text) => files.push(File { path, text }),
            Err(why) => {
                eprintln!("{path}: {why}");
                return 2;
            }
        }
    }
    let mut faults: u32 = 0;
    for (n, file) in files.iter().enumerate() {
        let lesson = Lesson::parse(&file.text);
        let first = files[..n].iter().find(|other| stem(other.path) == stem(file.path));
        // The second language of a lesson need not be played: it does the same as the first, or that is its fault.
        let found = match (lesson, first.map(|first| Lesson::parse(&first.text))) {
            (Ok(lesson), Some(Ok(first))) => differences(&first, &lesson),
            _ => rehearse(&file.text),
        };
        for fault in &found {
            println!("{}:{fault}", file.path);
            faults += 1;
        }
        if found.is_empty() {
            println!("{}: good", file.path);
        }
    }
    u8::from(faults > 0)
}

/// Prints a link to a lesson: a file named `….zh.md` is Chinese, any other English. The exit code: 1 if one is no lesson.
pub(super) fn link(paths: &[String], texts: &[String]) -> u8 {
    let mut markdown = Markdown::default();
    let mut lessons = Vec::new();
    for (path, text) in paths.iter().zip(texts) {
        match opening::read(text) {
            Ok((lesson, _)) => lessons.push(lesson),
            Err(fault) => {
                eprintln!("{path}:{fault}");
                return 1;
            }
        }
        let place = if path.ends_with(".zh.md") { &mut markdown.zh } else { &mut markdown.en };
        *place = Some(text.clone());
    }
    if let [one, other] = lessons.as_slice() {
        let faults = differences(one, other);
        faults.iter().for_each(|fault| eprintln!("{}:{fault}", paths[1]));
        if !faults.is_empty() {
            return 1;
        }
    }
    println!("#{}", sharing::own_lesson_link(markdown));
    0
}

/// What the files of one lesson have in common: `lessons/pods` of `lessons/pods.en.md`.
fn stem(path: &str) -> Option<std::path::PathBuf> {
    let path = Path::new(path);
    let name = path.file_name()?.to_str()?;
    Some(path.with_file_name(name.split('.').next()?))
}
