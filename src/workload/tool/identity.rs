//! Tools that tell as whom a process runs and that change whose files are: `id`, `whoami`, `chmod`, `chown`.

use crate::workload::Ctx;
use crate::workload::fs::{Access, FsError};
use crate::workload::tool::instant::Call;

/// The name of a user, if `/etc/passwd` has it.
pub fn user_name(uid: u32, ctx: &Ctx<'_>) -> Option<String> {
    if uid == 0 {
        return Some("root".into());
    }
    entries(ctx).find(|(_, fields)| fields[0] == uid).map(|(name, _)| name)
}

/// The name of a group: each user of an image has a group of its name.
pub fn group_name(gid: u32, ctx: &Ctx<'_>) -> Option<String> {
    if gid == 0 {
        return Some("root".into());
    }
    entries(ctx).find(|(_, fields)| fields[1] == gid).map(|(name, _)| name)
}

/// The names of `/etc/passwd` with their numbers of user and group.
fn entries<'a>(ctx: &Ctx<'a>) -> impl Iterator<Item = (String, [u32; 2])> + use<'a> {
    let text = ctx.fs.read("/etc/passwd").map(|data| String::from_utf8_lossy(&data).into_owned()).unwrap_or_default();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.into_iter().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        Some(((*fields.first()?).to_owned(), [fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?]))
    })
}

/// `1000` or `0(root)`.
fn shown(id: u32, name: Option<String>) -> String {
    name.map_or_else(|| id.to_string(), |name| format!("{id}({name})"))
}

/// `id [-u|-g|-G] [-n]`.
pub fn id(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let flags = call.split().0;
    let user = ctx.fs.user().clone();
    let groups = user.all_groups();
    let one = |id: u32, name: Option<String>, ctx: &mut Ctx<'_>| match name.filter(|_| flags.contains('n')) {
        Some(name) => (name, 0),
        None if flags.contains('n') => {
            let words = if ctx.place.has_gnu_tools() { "cannot find name for ID" } else { "unknown ID" };
            ctx.eprint(format!("id: {words} {id}\n"));
            (id.to_string(), 1)
        }
        None => (id.to_string(), 0),
    };
    let (text, code) = if flags.contains('u') {
        one(user.uid, user_name(user.uid, ctx), ctx)
    } else if flags.contains('g') {
        one(user.gid, group_name(user.gid, ctx), ctx)
    } else if flags.contains('G') {
        let all: Vec<String> = groups.iter().map(|gid| one(*gid, group_name(*gid, ctx), ctx).0).collect();
        (all.join(" "), 0)
    } else {
        let all: Vec<String> = groups.iter().map(|gid| shown(*gid, group_name(*gid, ctx))).collect();
        let (uid, gid) = (shown(user.uid, user_name(user.uid, ctx)), shown(user.gid, group_name(user.gid, ctx)));
        (format!("uid={uid} gid={gid} groups={}", all.join(",")), 0)
    };
    ctx.print(format!("{text}\n"));
    code
}

/// `whoami`.
pub fn whoami(_: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let uid = ctx.fs.user().uid;
    match user_name(uid, ctx) {
        Some(name) => ctx.print(format!("{name}\n")),
        None if ctx.place.has_gnu_tools() => ctx.eprint(format!("whoami: cannot find name for user ID {uid}\n")),
        None => ctx.eprint(format!("whoami: unknown uid {uid}\n")),
    }
    u8::from(user_name(uid, ctx).is_none())
}

/// What `/proc/PID/status` says of a process of whoever reads it.
pub fn status(name: &str, pid: u32, ctx: &Ctx<'_>) -> String {
    let user = ctx.fs.user();
    let groups: String = user.all_groups().iter().map(|gid| format!("{gid} ")).collect();
    let four = |id: u32| format!("{id}\t{id}\t{id}\t{id}");
    format!(
        "Name:\t{name}\nState:\tS (sleeping)\nPid:\t{pid}\nUid:\t{}\nGid:\t{}\nGroups:\t{groups}\n",
        four(user.uid),
        four(user.gid)
    )
}

/// Changes each path, with `-R` all that is below it too.
fn each(call: &Call<'_>, ctx: &mut Ctx<'_>, what: &str, change: impl Fn(&mut Access, bool)) -> u8 {
    let (flags, paths) = (call.split().0, call.split().1);
    let mut code = 0;
    for path in paths.into_iter().skip(1) {
        let mut all = vec![call.path(path)];
        while let Some(whole) = all.pop() {
            let is_dir = ctx.fs.is_dir(&whole);
            if let Err(error) = ctx.fs.set_access(&whole, |access| change(access, is_dir)) {
                let gnu = match error {
                    FsError::NotFound => format!("cannot access '{path}'"),
                    _ => format!("changing {what} of '{path}'"),
                };
                let at = if ctx.place.has_gnu_tools() { gnu } else { path.to_owned() };
                ctx.eprint(format!("{}: {at}: {error}\n", call.argv[0]));
                code = 1;
            }
            if is_dir && flags.contains('R') {
                let names = ctx.fs.list(&whole).unwrap_or_default();
                all.extend(names.into_iter().map(|name| crate::workload::fs::resolve(&whole, &name)));
            }
        }
    }
    code
}

/// `chmod [-R] MODE PATH…`.
pub fn chmod(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (flags, words) = call.split();
    // `-x` is a mode, no option.
    let mode = words.first().copied().unwrap_or("");
    let Some(change) = Mode::parse(mode) else {
        ctx.eprint(format!("{}: invalid mode '{}'\n", call.argv[0], if mode.is_empty() { &flags } else { mode }));
        return 1;
    };
    each(call, ctx, "permissions", |access, is_dir| access.mode = change.applied(access.mode, is_dir))
}

/// `0644` or `u+rwX,go-w`.
enum Mode {
    Bits(u16),
    /// Whose, what is done, which.
    Clauses(Vec<(u16, char, String)>),
}

impl Mode {
    fn parse(text: &str) -> Option<Mode> {
        if let Some(bits) = u16::from_str_radix(text, 8).ok().filter(|bits| *bits <= 0o7777) {
            return Some(Mode::Bits(bits));
        }
        let clause = |text: &str| {
            let at = text.find(['+', '-', '='])?;
            let (who, rest) = text.split_at(at);
            let mut rest = rest.chars();
            let operation = rest.next()?;
            let letters: String = rest.collect();
            let of = |letter| match letter {
                'u' => Some(0o700),
                'g' => Some(0o070),
                'o' => Some(0o007),
                'a' => Some(0o777),
                _ => None,
            };
            let whose = if who.is_empty() { 0o777 } else { who.chars().map(of).sum::<Option<u16>>()? & 0o777 };
            letters.chars().all(|c| "rwxXst".contains(c)).then_some((whose, operation, letters))
        };
        text.split(',').map(clause).collect::<Option<Vec<_>>>().map(Mode::Clauses)
    }

    fn applied(&self, mode: u16, is_dir: bool) -> u16 {
        let clauses = match self {
            Mode::Bits(bits) => return *bits,
            Mode::Clauses(clauses) => clauses,
        };
        clauses.iter().fold(mode, |mode, (whose, operation, letters)| {
            let bit = |letter| match letter {
                'r' => 0o444 & whose,
                'w' => 0o222 & whose,
                'x' => 0o111 & whose,
                'X' if is_dir || mode & 0o111 != 0 => 0o111 & whose,
                's' => (0o4000 & (whose << 3 & 0o4000)) | (0o2000 & (whose << 5 & 0o2000)),
                't' => 0o1000,
                _ => 0,
            };
            let bits = letters.chars().fold(0, |bits, letter| bits | bit(letter));
            match operation {
                '+' => mode | bits,
                '-' => mode & !bits,
                _ => mode & !whose | bits,
            }
        })
    }
}

/// `chown [-R] [USER][:GROUP] PATH…`, `chgrp`.
pub fn chown(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let whom = call.split().1.first().copied().unwrap_or("").to_owned();
    let (user, group) = match (call.argv[0].as_str(), whom.split_once(':')) {
        ("chgrp", _) => ("", whom.as_str()),
        (_, Some((user, group))) => (user, group),
        (_, None) => (whom.as_str(), ""),
    };
    let number = |name: &str, at: usize| match name {
        "" => Ok(None),
        "root" => Ok(Some(0)),
        name => match name.parse().ok().or_else(|| entries(ctx).find(|(n, _)| n == name).map(|(_, ids)| ids[at])) {
            Some(id) => Ok(Some(id)),
            None => Err(name.to_owned()),
        },
    };
    match (number(user, 0), number(group, 1)) {
        (Ok(uid), Ok(gid)) => each(call, ctx, "ownership", |access, _| {
            access.uid = uid.unwrap_or(access.uid);
            access.gid = gid.unwrap_or(access.gid);
        }),
        (Err(name), _) | (_, Err(name)) => {
            let words = if ctx.place.has_gnu_tools() { "invalid user:" } else { "unknown user" };
            ctx.eprint(format!("{}: {words} {name}\n", call.argv[0]));
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_a_number_or_what_changes() {
        for (text, before, after) in [
            ("600", 0o644, 0o600),
            ("u+x", 0o644, 0o744),
            ("go-rwx", 0o755, 0o700),
            ("a=r,u+w", 0o777, 0o644),
            ("+x", 0o644, 0o755),
            ("g+s", 0o755, 0o2755),
        ] {
            assert_eq!(Mode::parse(text).map(|mode| mode.applied(before, false)), Some(after), "{text}");
        }
        assert!(Mode::parse("zebra").is_none());
    }
}
