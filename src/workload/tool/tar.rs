//! `tar`: `c`, `x` and `t`, with `f`, `C`, `v`; what `kubectl cp` runs at the far end.
//!
//! Models busybox `tar` and GNU tar where only the words of errors differ. Differs: no compression, no owners or times.

use crate::workload::Ctx;
use crate::workload::archive::{self, Entry};
use crate::workload::tool::instant::Call;

/// What is asked for.
#[derive(Default)]
struct Asked {
    letters: String,
    archive: Option<String>,
    folder: String,
    paths: Vec<String>,
}

/// Reads `-xmf - -C /tmp` as well as `xmf - -C /tmp`.
fn parse(argv: &[String]) -> Asked {
    let mut asked = Asked { folder: ".".into(), ..Asked::default() };
    let mut words = argv.iter().skip(1);
    let mut first = true;
    while let Some(word) = words.next() {
        let letters = match word.strip_prefix('-') {
            _ if word.starts_with("--") => continue,
            Some("") => None,
            Some(letters) => Some(letters),
            None if first => Some(word.as_str()),
            None => None,
        };
        first = false;
        let Some(letters) = letters else {
            asked.paths.push(word.clone());
            continue;
        };
        for letter in letters.chars() {
            match letter {
                'f' => asked.archive = words.next().cloned(),
                'C' => asked.folder = words.next().cloned().unwrap_or_default(),
                letter => asked.letters.push(letter),
            }
        }
    }
    asked
}

/// Whether the archive comes from standard input.
pub fn reads(argv: &[String]) -> bool {
    let asked = parse(argv);
    !asked.letters.contains('c') && asked.archive.is_none_or(|path| path == "-")
}

/// `tar`.
pub fn tar(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let asked = parse(call.argv);
    if asked.letters.contains(['z', 'j', 'J']) {
        return complain(ctx, "compression is not supported in this simulation");
    }
    if asked.letters.contains('c') {
        return create(call, &asked, ctx);
    }
    if !asked.letters.contains(['x', 't']) {
        return complain(ctx, "You must specify one of the '-Acdtrux', '--delete' or '--test-label' options");
    }
    let bytes = match asked.archive.as_deref() {
        None | Some("-") => call.stdin.to_vec(),
        Some(path) => match ctx.fs.read(&call.path(path)) {
            Ok(data) => data.to_vec(),
            Err(error) => return complain(ctx, &format!("{path}: Cannot open: {error}")),
        },
    };
    match archive::read(&bytes) {
        Ok(entries) if asked.letters.contains('t') => {
            let names = entries.iter().map(|entry| format!("{}{}\n", entry.name, slash(entry)));
            ctx.print(names.collect::<String>());
            0
        }
        Ok(entries) => extract(call, &asked, &entries, ctx),
        Err(why) => complain(ctx, why),
    }
}

fn slash(entry: &Entry) -> &'static str {
    if entry.data.is_none() { "/" } else { "" }
}

fn is_busybox(ctx: &Ctx<'_>) -> bool {
    !ctx.place.has_gnu_tools()
}

fn complain(ctx: &mut Ctx<'_>, why: &str) -> u8 {
    if is_busybox(ctx) {
        ctx.eprint(format!("tar: {why}\n"));
        return 1;
    }
    ctx.eprint(format!("tar: {why}\ntar: Error is not recoverable: exiting now\n"));
    2
}

fn create(call: &Call<'_>, asked: &Asked, ctx: &mut Ctx<'_>) -> u8 {
    let (mut entries, mut code, mut told) = (Vec::new(), 0, false);
    let busybox = is_busybox(ctx);
    for path in &asked.paths {
        let whole = call.path(&format!("{}/{path}", if path.starts_with('/') { "" } else { asked.folder.as_str() }));
        if !ctx.fs.exists(&whole) {
            ctx.eprint(match busybox {
                true => format!("tar: {path}: No such file or directory\n"),
                false => format!("tar: {path}: Cannot stat: No such file or directory\n"),
            });
            code = if busybox { 1 } else { 2 };
            continue;
        }
        if path.starts_with('/') && !std::mem::replace(&mut told, true) {
            ctx.eprint(match busybox {
                true => "tar: removing leading '/' from member names\n",
                false => "tar: Removing leading `/' from member names\n",
            });
        }
        add(&whole, path.trim_start_matches('/').trim_end_matches('/'), &mut entries, ctx);
    }
    if code != 0 {
        ctx.eprint(match busybox {
            true => "tar: error exit delayed from previous errors\n",
            false => "tar: Exiting with failure status due to previous errors\n",
        });
    }
    let bytes = archive::write(&entries);
    match asked.archive.as_deref() {
        None | Some("-") => ctx.print(bytes),
        Some(path) => {
            if let Err(error) = ctx.fs.write(&call.path(path), &bytes, false) {
                return complain(ctx, &format!("{path}: Cannot open: {error}"));
            }
        }
    }
    code
}

/// A file, or a directory with all that is in it.
fn add(whole: &str, name: &str, entries: &mut Vec<Entry>, ctx: &Ctx<'_>) {
    if let Ok(data) = ctx.fs.read(whole) {
        entries.push(Entry::file(name, data.to_vec()));
        return;
    }
    entries.push(Entry::dir(if name.is_empty() { "." } else { name }));
    for inner in ctx.fs.list(whole).unwrap_or_default() {
        let name = if name.is_empty() { inner.clone() } else { format!("{name}/{inner}") };
        add(&format!("{}/{inner}", whole.trim_end_matches('/')), &name, entries, ctx);
    }
}

fn extract(call: &Call<'_>, asked: &Asked, entries: &[Entry], ctx: &mut Ctx<'_>) -> u8 {
    let folder = call.path(&asked.folder);
    if !ctx.fs.is_dir(&folder) {
        return complain(
            ctx,
            &match is_busybox(ctx) {
                true => format!("can't change directory to '{}': No such file or directory", asked.folder),
                false => format!("{}: Cannot open: No such file or directory", asked.folder),
            },
        );
    }
    let mut code = 0;
    for entry in entries {
        let path = crate::workload::fs::resolve("/", &format!("{folder}/{}", entry.name));
        let parent = path.rsplit_once('/').map_or("/", |(parent, _)| if parent.is_empty() { "/" } else { parent });
        let done = match &entry.data {
            None => ctx.fs.make_dir(&path, true),
            Some(data) => ctx.fs.make_dir(parent, true).and_then(|()| ctx.fs.write(&path, data, false)),
        };
        if let Err(error) = done {
            ctx.eprint(format!("tar: {}: Cannot open: {error}\n", entry.name));
            code = if is_busybox(ctx) { 1 } else { 2 };
        } else if asked.letters.contains('v') {
            ctx.print(format!("{}{}\n", entry.name, slash(entry)));
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::{parse, reads};

    #[test]
    fn options_are_read_with_and_without_a_dash() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<String>>();
        for (line, from_input, archive, folder, paths) in [
            ("tar xmf - -C /tmp", true, Some("-"), "/tmp", &[][..]),
            ("tar -xmf - -C /tmp", true, Some("-"), "/tmp", &[]),
            ("tar --no-same-owner -xmf -", true, Some("-"), ".", &[]),
            ("tar cf - /etc/hosts", false, Some("-"), ".", &["/etc/hosts"]),
            ("tar -tvf a.tar", false, Some("a.tar"), ".", &[]),
        ] {
            let asked = parse(&words(line));
            assert_eq!((asked.archive.as_deref(), asked.folder.as_str()), (archive, folder), "{line}");
            assert_eq!((asked.paths.as_slice() == paths, reads(&words(line))), (true, from_input), "{line}");
        }
    }
}
