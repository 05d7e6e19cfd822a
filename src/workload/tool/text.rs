//! Tools for text: `cat`, `head`, `tail`, `wc`, `grep`, `sort`, `uniq`, `cut`, `tr`, `sed`, `tee`, `base64`, `rev`, `xargs`.
//!
//! Differs: patterns of `grep` and `sed` know `.`, `*`, `^`, `$` and `[…]` and, with `-E`, `|` at the top; no groups.

use crate::workload::Ctx;
use crate::workload::tool::instant::Call;

/// The input: the named files, or standard input. A file that is not there is reported; the flag tells.
fn input(call: &Call<'_>, files: &[&str], ctx: &mut Ctx<'_>) -> (Vec<u8>, bool) {
    if files.is_empty() {
        return (call.stdin.to_vec(), true);
    }
    let name = &call.argv[0];
    let (mut all, mut good) = (Vec::new(), true);
    for file in files {
        if *file == "-" {
            all.extend_from_slice(call.stdin);
            continue;
        }
        match special(&call.path(file), ctx).map_or_else(|| ctx.fs.read(&call.path(file)).map(|d| d.to_vec()), Ok) {
            Ok(data) => all.extend_from_slice(&data),
            Err(crate::workload::fs::FsError::NotFound) if name == "cat" => {
                let gnu = ctx.place.family == crate::workload::Family::Debian;
                let words = if gnu {
                    format!("cat: {file}: No such file or directory\n")
                } else {
                    format!("cat: can't open '{file}': No such file or directory\n")
                };
                ctx.eprint(words);
                good = false;
            }
            Err(error) => {
                ctx.eprint(format!("{name}: {file}: {error}\n"));
                good = false;
            }
        }
    }
    (all, good)
}

/// Files of `/proc` and `/dev` that are made when they are read.
fn special(path: &str, ctx: &Ctx<'_>) -> Option<Vec<u8>> {
    Some(match path {
        "/dev/null" => Vec::new(),
        "/proc/uptime" => format!("{}.00 {}.00\n", ctx.now.as_secs(), ctx.now.as_secs()).into_bytes(),
        "/proc/loadavg" => b"0.08 0.03 0.01 1/120 42\n".to_vec(),
        "/proc/version" => b"Linux version 6.8.0-60-generic\n".to_vec(),
        "/proc/1/cmdline" => ctx.procs.first().map(|p| p.command.replace(' ', "\0").into_bytes()).unwrap_or_default(),
        _ => return None,
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `cat`.
pub fn cat(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (flags, files) = call.split();
    let (all, good) = input(call, &files, ctx);
    if flags.contains('n') {
        let numbered: String = text(&all).lines().enumerate().map(|(n, l)| format!("{:>6}\t{l}\n", n + 1)).collect();
        ctx.print(numbered);
    } else if !all.is_empty() {
        ctx.print(all);
    }
    u8::from(!good)
}

/// The number of lines of `head` and `tail`.
pub fn line_count(argv: &[String]) -> u64 {
    let mut args = argv.iter().skip(1);
    while let Some(arg) = args.next() {
        let Some(flag) = arg.strip_prefix('-') else { continue };
        let value = match flag.strip_prefix(['n', 'c']) {
            Some("") => args.next().map_or("", |v| v.as_str()),
            Some(rest) => rest,
            None => flag,
        };
        if let Ok(n) = value.trim_start_matches('+').parse() {
            return n;
        }
    }
    10
}

fn files_of<'a>(call: &'a Call<'_>) -> Vec<&'a str> {
    let mut files = Vec::new();
    let mut args = call.args();
    while let Some(arg) = args.next() {
        match arg {
            "-n" | "-c" => _ = args.next(),
            flag if flag.starts_with('-') && flag.len() > 1 => {}
            file => files.push(file),
        }
    }
    files
}

/// `head [-n N] [-c N]`.
pub fn head(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (all, good) = input(call, &files_of(call), ctx);
    let wanted = usize::try_from(line_count(call.argv)).unwrap_or(usize::MAX);
    if call.args().any(|a| a.starts_with("-c")) {
        ctx.print(&all[..wanted.min(all.len())]);
    } else {
        ctx.print(all.split_inclusive(|b| *b == b'\n').take(wanted).collect::<Vec<_>>().concat());
    }
    u8::from(!good)
}

/// `tail [-n N] [-n +N]`.
pub fn tail(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (all, good) = input(call, &files_of(call), ctx);
    let wanted = usize::try_from(line_count(call.argv)).unwrap_or(usize::MAX);
    let lines: Vec<&[u8]> = all.split_inclusive(|b| *b == b'\n').collect();
    let from_start = call.args().any(|a| a.starts_with('+') || a.starts_with("-n+"));
    let skip = if from_start { wanted.saturating_sub(1) } else { lines.len().saturating_sub(wanted) };
    let shown = lines.into_iter().skip(skip).collect::<Vec<_>>().concat();
    if !shown.is_empty() {
        ctx.print(shown);
    }
    u8::from(!good)
}

/// `wc [-l] [-w] [-c]`.
pub fn wc(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (flags, files) = call.split();
    let (all, good) = input(call, &files, ctx);
    let counts = [
        ('l', all.iter().filter(|b| **b == b'\n').count()),
        ('w', text(&all).split_whitespace().count()),
        ('c', all.len()),
    ];
    let shown: Vec<String> = counts
        .iter()
        .filter(|(f, _)| flags.is_empty() || flags.contains(*f))
        .map(|(_, n)| if flags.len() == 1 { n.to_string() } else { format!("{n:>9}") })
        .collect();
    let file = files.first().map_or(String::new(), |f| format!(" {f}"));
    ctx.print(format!("{}{file}\n", shown.join(" ")));
    u8::from(!good)
}

/// Whether a simple regular expression is found in `line`; answers where.
fn find(pattern: &str, line: &str, ignore_case: bool) -> Option<(usize, usize)> {
    let lower = |s: &str| if ignore_case { s.to_lowercase() } else { s.to_owned() };
    let (p, l): (Vec<char>, Vec<char>) = (lower(pattern).chars().collect(), lower(line).chars().collect());
    let (anchored, p) = match p.first() {
        Some('^') => (true, &p[1..]),
        _ => (false, &p[..]),
    };
    (0..=l.len()).take(if anchored { 1 } else { usize::MAX }).find_map(|at| here(p, &l[at..]).map(|n| (at, at + n)))
}

/// How many characters of `text` a pattern takes from its beginning; the longest way.
fn here(p: &[char], text: &[char]) -> Option<usize> {
    if p.is_empty() {
        return Some(0);
    }
    if p == ['$'] {
        return text.is_empty().then_some(0);
    }
    let unit = unit_length(p);
    let (one, rest) = p.split_at(unit);
    let repeated = rest.first().copied().filter(|c| matches!(c, '*' | '+' | '?'));
    if let Some(repeat) = repeated {
        let rest = &rest[1..];
        let most = if repeat == '?' { 1 } else { text.len() };
        let taken = text.iter().take(most).take_while(|c| takes(one, **c)).count();
        let least = usize::from(repeat == '+');
        return (least..=taken).rev().find_map(|n| here(rest, &text[n..]).map(|m| n + m));
    }
    let first = text.first()?;
    takes(one, *first).then(|| here(rest, &text[1..])).flatten().map(|n| n + 1)
}

fn unit_length(p: &[char]) -> usize {
    match p[0] {
        '\\' if p.len() > 1 => 2,
        '[' => p.iter().skip(2).position(|c| *c == ']').map_or(1, |n| n + 3),
        _ => 1,
    }
}

fn takes(unit: &[char], c: char) -> bool {
    match unit {
        ['.'] => true,
        ['\\', 'd'] => c.is_ascii_digit(),
        ['\\', 's'] => c.is_whitespace(),
        ['\\', 'w'] => c.is_alphanumeric() || c == '_',
        ['\\', other] => *other == c,
        ['[', ..] if unit.len() > 1 => {
            crate::workload::shell::expand::matches(&unit.iter().collect::<String>(), &c.to_string())
        }
        [other] => *other == c,
        _ => false,
    }
}

/// `grep [-i] [-v] [-c] [-q] [-n] [-o] [-E] [-F] [-w] PATTERN [FILE…]`.
pub fn grep(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (flags, mut rest) = call.split();
    if rest.is_empty() {
        ctx.eprint("BusyBox v1.36.1 multi-call binary.\n\nUsage: grep [-HhnlLoqvsrRiwFE] [-m N] [-A|B|C N] { PATTERN | -e PATTERN... | -f FILE... } [FILE]...\n");
        return 2;
    }
    let pattern = rest.remove(0);
    let alternatives: Vec<&str> = if flags.contains('E') || call.argv[0] == "egrep" {
        pattern.split('|').collect()
    } else {
        pattern.split("\\|").collect()
    };
    let (all, good) = input(call, &rest, ctx);
    let has = |f: char| flags.contains(f);
    let hit = |line: &str| -> Option<(usize, usize)> {
        if has('F') {
            return line.find(pattern).map(|at| (at, at + pattern.chars().count()));
        }
        alternatives.iter().find_map(|p| find(p, line, has('i')))
    };
    let (mut out, mut count) = (String::new(), 0);
    for (number, line) in text(&all).lines().enumerate() {
        let found = hit(line);
        if found.is_some() == has('v') {
            continue;
        }
        count += 1;
        let shown = match found.filter(|_| has('o')) {
            Some((from, to)) => line.chars().skip(from).take(to - from).collect(),
            None => line.to_owned(),
        };
        out += &if has('n') { format!("{}:{shown}\n", number + 1) } else { format!("{shown}\n") };
    }
    if has('c') {
        ctx.print(format!("{count}\n"));
    } else if !has('q') && !out.is_empty() {
        ctx.print(out);
    }
    if good { u8::from(count == 0) } else { 2 }
}

/// `sort [-r] [-n] [-u]`.
pub fn sort(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (flags, files) = call.split();
    let (all, good) = input(call, &files, ctx);
    let whole = text(&all);
    let mut lines: Vec<&str> = whole.lines().collect();
    let number = |line: &str| {
        let digits: String = line.trim().chars().take_while(|c| c.is_ascii_digit() || *c == '-').collect();
        digits.parse::<i64>().unwrap_or(0)
    };
    if flags.contains('n') {
        lines.sort_by_key(|l| (number(l), l.to_string()))
    } else {
        lines.sort_unstable()
    }
    if flags.contains('r') {
        lines.reverse();
    }
    if flags.contains('u') {
        lines.dedup();
    }
    ctx.print(lines.iter().map(|l| format!("{l}\n")).collect::<String>());
    u8::from(!good)
}

/// `uniq [-c]`.
pub fn uniq(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (flags, files) = call.split();
    let (all, good) = input(call, &files, ctx);
    let whole = text(&all);
    let mut groups: Vec<(usize, &str)> = Vec::new();
    for line in whole.lines() {
        match groups.last_mut() {
            Some((count, last)) if *last == line => *count += 1,
            _ => groups.push((1, line)),
        }
    }
    let show = |(count, line): &(usize, &str)| {
        if flags.contains('c') { format!("{count:>7} {line}\n") } else { format!("{line}\n") }
    };
    ctx.print(groups.iter().map(show).collect::<String>());
    u8::from(!good)
}

/// `cut -d X -f LIST` and `cut -c LIST`.
pub fn cut(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (mut delimiter, mut list, mut characters, mut files) = ("\t".to_owned(), String::new(), false, Vec::new());
    let mut args = call.args();
    while let Some(arg) = args.next() {
        let mut value =
            |rest: &str| if rest.is_empty() { args.next().unwrap_or("").to_owned() } else { rest.to_owned() };
        match arg.split_at_checked(2) {
            Some(("-d", rest)) => delimiter = value(rest),
            Some(("-f", rest)) => list = value(rest),
            Some(("-c", rest)) => {
                characters = true;
                list = value(rest);
            }
            _ => files.push(arg),
        }
    }
    let wanted = |n: usize| {
        list.split(',').any(|part| match part.split_once('-') {
            Some((from, to)) => n >= from.parse().unwrap_or(1) && n <= to.parse().unwrap_or(usize::MAX),
            None => part.parse() == Ok(n),
        })
    };
    let (all, good) = input(call, &files, ctx);
    let mut out = String::new();
    for line in text(&all).lines() {
        if characters {
            out.extend(line.chars().enumerate().filter(|(n, _)| wanted(n + 1)).map(|(_, c)| c));
        } else if !line.contains(&delimiter) {
            out += line;
        } else {
            let fields: Vec<&str> =
                line.split(delimiter.as_str()).enumerate().filter(|(n, _)| wanted(n + 1)).map(|(_, f)| f).collect();
            out += &fields.join(&delimiter);
        }
        out.push('\n');
    }
    ctx.print(out);
    u8::from(!good)
}

/// The characters of a set of `tr`: ranges, classes, escapes.
fn set(text: &str) -> Vec<char> {
    let text = text
        .replace("[:lower:]", "a-z")
        .replace("[:upper:]", "A-Z")
        .replace("[:digit:]", "0-9")
        .replace("[:space:]", " \t\n");
    let chars: Vec<char> = crate::workload::tool::print::unescape(&text).chars().collect();
    let mut out = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        if chars.get(at + 1) == Some(&'-') && at + 2 < chars.len() {
            out.extend(chars[at]..=chars[at + 2]);
            at += 3;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

/// `tr [-d] [-s] SET [SET]`.
pub fn tr(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (flags, rest) = call.split();
    let from = set(rest.first().unwrap_or(&""));
    let to = set(rest.get(1).unwrap_or(&""));
    let mut out = String::new();
    for c in text(call.stdin).chars() {
        match from.iter().position(|f| *f == c) {
            Some(_) if flags.contains('d') => {}
            Some(at) => {
                let new = to.get(at).or(to.last()).copied().unwrap_or(c);
                if !(flags.contains('s') && out.ends_with(new)) {
                    out.push(new);
                }
            }
            None => out.push(c),
        }
    }
    ctx.print(out);
    0
}

/// `sed [-n] [-i] 's/A/B/[g]'`, `'/A/d'`, `'/A/p'`, `'Np'`.
pub fn sed(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (flags, mut rest) = call.split();
    if rest.is_empty() {
        ctx.eprint("sed: no script\n");
        return 1;
    }
    let script = rest.remove(0).to_owned();
    let (all, good) = input(call, &rest, ctx);
    let mut out = String::new();
    for (number, line) in text(&all).lines().enumerate() {
        let Some(lines) = edited(&script, line, number + 1, flags.contains('n')) else {
            ctx.eprint(format!("sed: unsupported command {script}\n"));
            return 1;
        };
        out += &lines;
    }
    if flags.contains('i') {
        for file in &rest {
            let path = call.path(file);
            if let Err(error) = ctx.fs.write(&path, out.as_bytes(), false) {
                ctx.eprint(format!("sed: {file}: {error}\n"));
                return 1;
            }
        }
    } else {
        ctx.print(out);
    }
    u8::from(!good)
}

/// What a line becomes; `None` if the script is not understood.
fn edited(script: &str, line: &str, number: usize, quiet: bool) -> Option<String> {
    let shown = |text: &str| if quiet { String::new() } else { format!("{text}\n") };
    if let Some(rest) = script.strip_prefix('s') {
        let separator = rest.chars().next()?;
        let parts: Vec<&str> = rest[separator.len_utf8()..].split(separator).collect();
        let [from, to, options] = parts[..] else { return None };
        let mut text = String::new();
        let mut left: String = line.to_owned();
        let mut changed = false;
        while let Some((start, end)) = find(from, &left, options.contains('i')).filter(|(s, e)| e > s || !changed) {
            text.extend(left.chars().take(start));
            text +=
                &to.replace("\\n", "\n").replace('&', &left.chars().skip(start).take(end - start).collect::<String>());
            left = left.chars().skip(end).collect();
            changed = true;
            if !options.contains('g') || left.is_empty() || from.starts_with('^') {
                break;
            }
        }
        text += &left;
        let print = if changed && options.contains('p') { format!("{text}\n") } else { String::new() };
        return Some(shown(&text) + &print);
    }
    let (address, command) = script.split_at_checked(script.len().checked_sub(1)?)?;
    let hit = match address.strip_prefix('/').and_then(|a| a.strip_suffix('/')) {
        Some(pattern) => find(pattern, line, false).is_some(),
        None => address.parse() == Ok(number),
    };
    match (command, hit) {
        ("d", true) => Some(String::new()),
        ("d" | "p", false) => Some(shown(line)),
        ("p", true) => Some(shown(line) + &format!("{line}\n")),
        _ => None,
    }
}

/// `tee [-a] FILE…`.
pub fn tee(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (flags, files) = call.split();
    let mut code = 0;
    for file in files {
        let path = call.path(file);
        if let Err(error) = ctx.fs.write(&path, call.stdin, flags.contains('a')) {
            ctx.eprint(format!("tee: {file}: {error}\n"));
            code = 1;
        }
    }
    ctx.print(call.stdin);
    code
}

/// `base64 [-d]`.
pub fn base64(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (flags, files) = call.split();
    let (all, _) = input(call, &files, ctx);
    if flags.contains('d') {
        let clean: Vec<u8> = all.into_iter().filter(|b| !b.is_ascii_whitespace()).collect();
        match data_encoding::BASE64.decode(&clean) {
            Ok(bytes) => ctx.print(bytes),
            Err(_) => {
                ctx.eprint("base64: truncated input\n");
                return 1;
            }
        }
    } else {
        let encoded = data_encoding::BASE64.encode(&all);
        let lines: Vec<&str> =
            (0..encoded.len()).step_by(76).map(|at| &encoded[at..(at + 76).min(encoded.len())]).collect();
        ctx.print(lines.iter().map(|l| format!("{l}\n")).collect::<String>());
    }
    0
}

/// `rev`.
pub fn rev(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (_, files) = call.split();
    let (all, good) = input(call, &files, ctx);
    ctx.print(text(&all).lines().map(|l| l.chars().rev().chain(['\n']).collect::<String>()).collect::<String>());
    u8::from(!good)
}

/// `xargs echo`: the words in one line. Other commands are not run.
pub fn xargs(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let words: Vec<String> = text(call.stdin).split_whitespace().map(str::to_owned).collect();
    match call.args().find(|a| !a.starts_with('-')) {
        None | Some("echo") => {
            let fixed = call.args().skip_while(|a| *a != "echo").skip(1).map(str::to_owned);
            ctx.print(format!("{}\n", fixed.chain(words).collect::<Vec<_>>().join(" ")));
            0
        }
        Some(other) => {
            ctx.eprint(format!("xargs: {other}: not simulated\n"));
            127
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simple_patterns_are_found() {
        for (pattern, line, want) in [
            ("b", "abc", Some((1, 2))),
            ("^b", "abc", None),
            ("c$", "abc", Some((2, 3))),
            ("a.*c", "xabcx", Some((1, 4))),
            ("[0-9]+", "ab12", Some((2, 4))),
            ("x*", "abc", Some((0, 0))),
        ] {
            assert_eq!(find(pattern, line, false), want, "{pattern} {line}");
        }
    }

    #[test]
    fn sed_replaces_deletes_and_prints() {
        for (script, quiet, want) in [
            ("s/a/X/", false, "Xa b\n"),
            ("s/a/X/g", false, "XX b\n"),
            ("s/ b/&\\nc/", false, "aa b\nc\n"),
            ("/b/d", false, ""),
            ("/b/p", true, "aa b\n"),
            ("2p", true, ""),
        ] {
            assert_eq!(edited(script, "aa b", 1, quiet).as_deref(), Some(want), "{script}");
        }
    }
}
