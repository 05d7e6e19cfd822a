//! Tools for text: `cat`, `head`, `tail`, `wc`, `sort`, `uniq`, `cut`, `tee`, `base64`, `rev`.

use crate::workload::Ctx;
use crate::workload::fs::kernel::{self, Reads};
use crate::workload::fs::{Device, FsError, MOST_BYTES};
use crate::workload::tool::identity;
use crate::workload::tool::instant::Call;

/// The input: the named files, or standard input. A file that is not there is reported; the flag tells.
fn input(call: &Call<'_>, files: &[&str], ctx: &mut Ctx<'_>) -> (Vec<u8>, bool) {
    first(call, files, kernel::SOME, ctx)
}

/// The same, of which so many bytes are needed at most.
fn first(call: &Call<'_>, files: &[&str], most: usize, ctx: &mut Ctx<'_>) -> (Vec<u8>, bool) {
    if files.is_empty() {
        return (call.stdin.to_vec(), true);
    }
    let name = &call.argv[0];
    let (mut all, mut good) = (Vec::new(), true);
    for file in files {
        let path = call.path(file);
        if *file == "-" || kernel::stream(&path) == Some(0) {
            all.extend_from_slice(call.stdin);
            continue;
        }
        match read(&path, most, ctx) {
            Ok(data) => all.extend_from_slice(&data),
            Err(FsError::NotFound) if name == "cat" => {
                let gnu = ctx.place.has_gnu_tools();
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

/// What is in a file; of a device that has no end, so many bytes.
///
/// # Errors
/// There is no such file, or it cannot be read.
pub fn read(path: &str, most: usize, ctx: &mut Ctx<'_>) -> Result<Vec<u8>, FsError> {
    match Device::at(&ctx.fs.followed(path)).map(Device::reads) {
        Some(Reads::Nothing) => Ok(Vec::new()),
        Some(Reads::Zeros) => Ok(vec![0; most]),
        Some(Reads::Random) => {
            let mut bytes = Vec::with_capacity(most);
            while bytes.len() < most {
                bytes.extend(ctx.rng.next_u64().to_le_bytes());
            }
            bytes.truncate(most);
            Ok(bytes)
        }
        None => special(path, ctx).map_or_else(|| ctx.fs.read(path).map(|data| data.to_vec()), Ok),
    }
}

/// Files of `/proc` that are made when they are read.
pub fn special(path: &str, ctx: &Ctx<'_>) -> Option<Vec<u8>> {
    Some(match path {
        "/proc/uptime" => format!("{}.00 {}.00\n", ctx.now.as_secs(), ctx.now.as_secs()).into_bytes(),
        "/proc/loadavg" => b"0.08 0.03 0.01 1/120 42\n".to_vec(),
        "/proc/version" => b"Linux version 6.8.0-60-generic\n".to_vec(),
        "/proc/self/status" => identity::status("cat", ctx.procs.last().map_or(1, |p| p.pid), ctx).into_bytes(),
        "/proc/1/status" => {
            let name = ctx.procs.first().map_or("", |p| p.command.split(' ').next().unwrap_or(""));
            identity::status(name.rsplit('/').next().unwrap_or(name), 1, ctx).into_bytes()
        }
        "/proc/1/cmdline" => ctx.procs.first().map(|p| p.command.replace(' ', "\0").into_bytes()).unwrap_or_default(),
        _ => return None,
    })
}

/// What is in a file; `-` is standard input.
///
/// # Errors
/// There is no such file.
pub fn contents(call: &Call<'_>, file: &str, ctx: &Ctx<'_>) -> Result<Vec<u8>, FsError> {
    let path = call.path(file);
    if file == "-" || kernel::stream(&path) == Some(0) {
        return Ok(call.stdin.to_vec());
    }
    special(&path, ctx).map_or_else(|| ctx.fs.read(&path).map(|data| data.to_vec()), Ok)
}

/// Bytes as a text.
pub fn text(bytes: &[u8]) -> String {
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
    let wanted = usize::try_from(line_count(call.argv)).unwrap_or(usize::MAX);
    let by_bytes = call.args().any(|a| a.starts_with("-c"));
    let most = if by_bytes { wanted.min(MOST_BYTES as usize) } else { kernel::SOME };
    let (all, good) = first(call, &files_of(call), most, ctx);
    if by_bytes {
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

/// `tee [-a] FILE…`.
pub fn tee(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (flags, files) = call.split();
    let mut code = 0;
    for file in files {
        let path = call.path(file);
        match kernel::stream(&ctx.fs.followed(&path)) {
            Some(1) => ctx.print(call.stdin),
            Some(2) => ctx.eprint(call.stdin),
            _ => {
                if let Err(error) = ctx.fs.write(&path, call.stdin, flags.contains('a')) {
                    ctx.eprint(format!("tee: {file}: {error}\n"));
                    code = 1;
                }
            }
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
