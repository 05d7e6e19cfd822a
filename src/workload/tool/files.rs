//! Tools for files: `ls`, `mkdir`, `rm`, `touch`, `cp`, `mv`, `find`, `stat`, names of paths.

use crate::workload::Ctx;
use crate::workload::fs::{Access, Device};
use crate::workload::tool::identity;
use crate::workload::tool::instant::Call;

/// `ls [-l] [-a] [-1] [PATH…]`.
pub fn ls(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (flags, mut paths) = call.split();
    if paths.is_empty() {
        paths.push(".");
    }
    let (mut out, mut code) = (String::new(), 0);
    let many = paths.len() > 1;
    for path in &paths {
        let whole = call.path(path);
        if ctx.fs.is_file(&whole) || Device::at(&whole).is_some() {
            out += &entry(&whole, path, &flags, ctx);
            continue;
        }
        match ctx.fs.list(&whole) {
            Ok(names) => {
                if many {
                    out += &format!("{path}:\n");
                }
                if flags.contains('l') {
                    out += &format!("total {}\n", names.len() * 4);
                }
                let dots: &[&str] = if flags.contains('a') { &[".", ".."] } else { &[] };
                let shown = dots
                    .iter()
                    .map(|d| (*d).to_owned())
                    .chain(names.into_iter().filter(|n| flags.contains('a') || !n.starts_with('.')));
                for name in shown {
                    out += &entry(&crate::workload::fs::resolve(&whole, &name), &name, &flags, ctx);
                }
            }
            Err(error) if ctx.place.has_gnu_tools() => {
                ctx.eprint(format!("ls: cannot access '{path}': {error}\n"));
                code = 2;
            }
            Err(error) => {
                ctx.eprint(format!("ls: {path}: {error}\n"));
                code = 1;
            }
        }
    }
    if !out.is_empty() {
        ctx.print(out);
    }
    code
}

fn entry(path: &str, name: &str, flags: &str, ctx: &Ctx<'_>) -> String {
    if !flags.contains('l') {
        return format!("{name}\n");
    }
    let (dir, target) = (ctx.fs.is_dir(path), ctx.fs.target(path));
    let access = match target {
        Some(_) => Access { mode: 0o777, ..Access::FILE },
        None => ctx.fs.access(path),
    };
    let (kind, links, size) = match target {
        Some(target) => ('l', 1, target.len()),
        None if dir => ('d', 2, 4_096),
        None => ('-', 1, ctx.fs.size(path)),
    };
    let arrow = target.map(|target| format!(" -> {target}")).unwrap_or_default();
    let (kind, size) = match Device::at(path) {
        Some(device) => ('c', format!("{}, {:>3}", device.major, device.minor)),
        None => (kind, size.to_string()),
    };
    let user = identity::user_name(access.uid, ctx).unwrap_or_else(|| access.uid.to_string());
    let group = identity::group_name(access.gid, ctx).unwrap_or_else(|| access.gid.to_string());
    let bits = access.bits();
    format!("{kind}{bits}    {links} {user:<8} {group:<8} {size:>9} Jan  1 00:00 {name}{arrow}\n")
}

/// Runs `work` on each path and reports what fails, in the words of busybox or of the GNU tools.
fn each(
    call: &Call<'_>,
    ctx: &mut Ctx<'_>,
    (busybox, gnu): (&str, &str),
    mut work: impl FnMut(&str, &mut Ctx<'_>) -> Result<(), crate::workload::fs::FsError>,
) -> u8 {
    let words = if ctx.place.has_gnu_tools() { gnu } else { busybox };
    let mut code = 0;
    let (_, paths) = call.split();
    for path in paths {
        if let Err(error) = work(&call.path(path), ctx) {
            ctx.eprint(format!("{}: {}\n", call.argv[0], words.replace("{}", path) + &error.to_string()));
            code = 1;
        }
    }
    code
}

/// `mkdir [-p]`.
pub fn mkdir(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let parents = call.split().0.contains('p');
    each(call, ctx, ("can't create directory '{}': ", "cannot create directory '{}': "), |path, ctx| {
        ctx.fs.make_dir(path, parents)
    })
}

/// `rm [-r] [-f]`, `rmdir`.
pub fn rm(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let flags = call.split().0;
    let recursive = flags.contains(['r', 'R']) || call.argv[0] == "rmdir";
    let gnu = if call.argv[0] == "rmdir" { "failed to remove '{}': " } else { "cannot remove '{}': " };
    each(call, ctx, ("can't remove '{}': ", gnu), |path, ctx| match ctx.fs.remove(path, recursive) {
        Err(crate::workload::fs::FsError::NotFound) if flags.contains('f') => Ok(()),
        other => other,
    })
}

/// `touch`.
pub fn touch(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    each(call, ctx, ("{}: ", "cannot touch '{}': "), |path, ctx| {
        if ctx.fs.exists(path) { Ok(()) } else { ctx.fs.write(path, b"", true) }
    })
}

/// `cp [-r]` and `mv` of one file or directory.
pub fn cp(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (flags, paths) = call.split();
    let [from, to] = paths[..] else {
        ctx.eprint(format!("{}: missing file operand\n", call.argv[0]));
        return 1;
    };
    let source = call.path(from);
    let mut target = call.path(to);
    if ctx.fs.is_dir(&target) {
        target = format!("{target}/{}", source.rsplit('/').next().unwrap_or(""));
    }
    let (moves, is_dir) = (call.argv[0] == "mv", ctx.fs.is_dir(&source));
    if is_dir && !moves && !flags.contains(['r', 'R', 'a']) {
        let why = if ctx.place.has_gnu_tools() { "-r not specified; " } else { "" };
        ctx.eprint(format!("cp: {why}omitting directory '{from}'\n"));
        return 1;
    }
    let done = match is_dir {
        true => ctx.fs.copy_dir(&source, &target),
        false => ctx.fs.read(&source).and_then(|data| ctx.fs.write(&target, &data, false)),
    };
    let done = if moves { done.and_then(|()| ctx.fs.remove(&source, true)) } else { done };
    if let Err(error) = done {
        let cannot = if ctx.place.has_gnu_tools() { "cannot" } else { "can't" };
        ctx.eprint(format!("{}: {cannot} stat '{from}': {error}\n", call.argv[0]));
        return 1;
    }
    0
}

/// What `dd` copies in a second, in bytes.
const DD_RATE: u64 = 1 << 30;

/// `dd if=FILE of=FILE [bs=N] [count=N]`: `/dev/zero` and `/dev/urandom` are as long as they have to be.
pub fn dd(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let operand = |name: &str| call.args().find_map(|arg| arg.strip_prefix(name)?.strip_prefix('='));
    let (from, to) = (operand("if").unwrap_or("/dev/zero"), operand("of").unwrap_or("/dev/null"));
    let number = |name: &str| operand(name).map(|text| (text, size(text)));
    if let Some((text, _)) = ["bs", "count"].into_iter().filter_map(number).find(|(_, read)| read.is_none()) {
        ctx.eprint(format!("dd: invalid number '{text}'\n"));
        return 1;
    }
    let block = number("bs").and_then(|(_, read)| read).unwrap_or(512).max(1);
    let count = number("count").and_then(|(_, read)| read);
    let most = count.map_or(u64::MAX, |count| count.saturating_mul(block)).min(crate::workload::fs::MOST_BYTES + 1);
    let bytes = usize::try_from(most).unwrap_or(usize::MAX);
    let mut data = match super::text::read(&call.path(from), bytes, ctx) {
        Ok(data) => data,
        Err(error) => {
            let cannot = if ctx.place.has_gnu_tools() { "failed to" } else { "can't" };
            ctx.eprint(format!("dd: {cannot} open '{from}': {error}\n"));
            return 1;
        }
    };
    data.truncate(bytes);
    let written = ctx.fs.write(&call.path(to), &data, false);
    if let Err(error) = written {
        ctx.eprint(format!("dd: error writing '{to}': {error}\n"));
        return 1;
    }
    let whole = data.len() as u64;
    let records = format!("{}+{}", whole / block, u64::from(!whole.is_multiple_of(block)));
    let micros = (whole.saturating_mul(1_000_000) / DD_RATE).max(1);
    let time = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    let (short, rate) = (human(whole), human(DD_RATE));
    ctx.eprint(format!(
        "{records} records in\n{records} records out\n{whole} bytes ({short}B) copied, {time} seconds, {rate}B/s\n"
    ));
    0
}

/// `512`, `10.0M`: at most one digit after the point, as busybox has it.
pub fn human(bytes: u64) -> String {
    let unit = [(30, 'G'), (20, 'M'), (10, 'K')].into_iter().find(|(shift, _)| bytes >= 1 << shift);
    unit.map_or_else(
        || bytes.to_string(),
        |(shift, letter)| {
            let tenths = (bytes.saturating_mul(10) + (1 << shift) / 2) >> shift;
            format!("{}.{}{letter}", tenths / 10, tenths % 10)
        },
    )
}

/// `4`, `1k`, `10M`, `1G`.
fn size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor = match &text[digits.len()..] {
        "" | "c" => 1,
        "w" => 2,
        "b" => 512,
        "k" | "K" => 1 << 10,
        "kB" | "KB" => 1_000,
        "M" => 1 << 20,
        "MB" => 1_000_000,
        "G" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// `ln -s TARGET PATH`.
pub fn ln(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (flags, paths) = call.split();
    let [target, path] = paths[..] else {
        ctx.eprint(format!("{}: missing file operand\n", call.argv[0]));
        return 1;
    };
    let mut whole = call.path(path);
    if ctx.fs.is_dir(&whole) && !flags.contains('n') {
        whole = format!("{whole}/{}", target.rsplit('/').next().unwrap_or(target));
    }
    if flags.contains('f') {
        // There may be nothing.
        _ = ctx.fs.remove(&whole, false);
    }
    let done = match flags.contains('s') {
        true => ctx.fs.make_link(&whole, target),
        false => ctx.fs.read(&call.path(target)).and_then(|data| ctx.fs.write(&whole, &data, false)),
    };
    let Err(error) = done else { return 0 };
    let gnu = format!("failed to create symbolic link '{path}'");
    ctx.eprint(format!("ln: {}: {error}\n", if ctx.place.has_gnu_tools() { &gnu } else { path }));
    1
}

/// `readlink PATH…`: where links lead, with `-f` where all of them lead in the end.
pub fn readlink(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (flags, paths) = call.split();
    let mut code = 0;
    for path in paths {
        let whole = call.path(path);
        match ctx.fs.target(&whole).map(str::to_owned) {
            _ if flags.contains('f') => ctx.print(format!("{}\n", ctx.fs.followed(&whole))),
            Some(target) => ctx.print(format!("{target}\n")),
            None => code = 1,
        }
    }
    code
}

/// `sync`: nothing that could be seen.
pub fn nothing(_: &Call<'_>, _: &mut Ctx<'_>) -> u8 {
    0
}

/// `find [PATH] [-name PATTERN] [-type f|d]`.
pub fn find(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let words: Vec<&str> = call.args().collect();
    let start = words.first().filter(|w| !w.starts_with('-')).copied().unwrap_or(".");
    let option = |name: &str| words.iter().position(|w| *w == name).and_then(|at| words.get(at + 1)).copied();
    let (name, kind) = (option("-name"), option("-type"));
    let whole = call.path(start);
    if !ctx.fs.exists(&whole) {
        let shown = if ctx.place.has_gnu_tools() { format!("'{start}'") } else { start.to_owned() };
        ctx.eprint(format!("find: {shown}: No such file or directory\n"));
        return 1;
    }
    let mut out = String::new();
    let mut stack = vec![(whole, start.to_owned())];
    while let Some((path, shown)) = stack.pop() {
        let last = shown.rsplit('/').next().unwrap_or("");
        let (dir, link) = (ctx.fs.is_dir(&path), ctx.fs.target(&path).is_some());
        let fits = name.is_none_or(|n| crate::workload::shell::expand::matches(n, last))
            && kind.is_none_or(|k| {
                k == if link {
                    "l"
                } else if dir {
                    "d"
                } else {
                    "f"
                }
            });
        if fits {
            out += &format!("{shown}\n");
        }
        for inner in ctx.fs.list(&path).unwrap_or_default().into_iter().rev().filter(|_| !link) {
            stack.push((
                crate::workload::fs::resolve(&path, &inner),
                format!("{}/{inner}", shown.trim_end_matches('/')),
            ));
        }
    }
    ctx.print(out);
    0
}

/// `stat`.
pub fn stat(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    each(call, ctx, ("can't stat '{}': ", "cannot stat '{}': "), |path, ctx| {
        if !ctx.fs.exists(path) {
            return Err(crate::workload::fs::FsError::NotFound);
        }
        let (size, kind) = match Device::at(&ctx.fs.followed(path)) {
            Some(_) => (0, "character special file"),
            None => ctx.fs.read(path).map_or((4_096, "directory"), |d| (d.len(), "regular file")),
        };
        ctx.print(format!("  File: {path}\n  Size: {size}\t{kind}\n"));
        Ok(())
    })
}

/// `basename PATH [SUFFIX]`.
pub fn basename(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let words: Vec<&str> = call.args().collect();
    let last = words.first().unwrap_or(&"").trim_end_matches('/').rsplit('/').next().unwrap_or("");
    ctx.print(format!("{}\n", words.get(1).and_then(|s| last.strip_suffix(s)).unwrap_or(last)));
    0
}

/// `dirname PATH`.
pub fn dirname(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let path = call.args().next().unwrap_or("").trim_end_matches('/');
    let dir = path.rsplit_once('/').map_or(".", |(d, _)| if d.is_empty() { "/" } else { d });
    ctx.print(format!("{dir}\n"));
    0
}

/// `pwd`.
pub fn pwd(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    ctx.print(format!("{}\n", call.spec.cwd));
    0
}

/// `realpath PATH`.
pub fn realpath(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let paths: Vec<String> = call.split().1.iter().map(|p| call.path(p)).collect();
    ctx.print(paths.iter().map(|p| format!("{}\n", ctx.fs.followed(p))).collect::<String>());
    0
}
