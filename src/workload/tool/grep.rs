//! `grep`: the lines of files that have a pattern in them.
//!
//! Models GNU grep 3.11 and busybox's `findutils/grep.c`.

use regex_lite::Regex;

use crate::workload::Ctx;
use crate::workload::tool::instant::Call;
use crate::workload::tool::pattern::{self, Syntax};
use crate::workload::tool::text::{contents, text};

const GNU_USAGE: &str = "Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n";
const BUSYBOX_USAGE: &str = "BusyBox v1.36.1 multi-call binary.\n\nUsage: grep [-HhnlLoqvsrRiwFE] [-m N] [-A|B|C N] { PATTERN | -e PATTERN... | -f FILE... } [FILE]...\n";

/// Long options and their letters.
const LONG: [(&str, char); 26] = [
    ("extended-regexp", 'E'),
    ("fixed-strings", 'F'),
    ("basic-regexp", 'G'),
    ("ignore-case", 'i'),
    ("invert-match", 'v'),
    ("count", 'c'),
    ("line-number", 'n'),
    ("files-with-matches", 'l'),
    ("files-without-match", 'L'),
    ("quiet", 'q'),
    ("silent", 'q'),
    ("only-matching", 'o'),
    ("word-regexp", 'w'),
    ("line-regexp", 'x'),
    ("no-filename", 'h'),
    ("with-filename", 'H'),
    ("recursive", 'r'),
    ("dereference-recursive", 'R'),
    ("no-messages", 's'),
    ("text", 'a'),
    ("max-count", 'm'),
    ("regexp", 'e'),
    ("file", 'f'),
    ("after-context", 'A'),
    ("before-context", 'B'),
    ("context", 'C'),
];

/// What a call asks for.
#[derive(Debug, Default)]
struct Options {
    /// The letters of the options that have no value.
    flags: String,
    patterns: Vec<String>,
    pattern_files: Vec<String>,
    most: Option<u64>,
    before: usize,
    after: usize,
    context: bool,
    files: Vec<String>,
}

/// What is wrong with a call.
#[derive(Debug)]
enum Wrong {
    Option(String),
    Words(String),
    NoPattern,
}

impl Options {
    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }

    fn recursive(&self) -> bool {
        self.flags.contains(['r', 'R'])
    }

    fn read(argv: &[String]) -> Result<Options, Wrong> {
        let mut options = Options::default();
        let mut args = argv.iter().skip(1);
        let mut over = false;
        while let Some(arg) = args.next() {
            if over || arg == "-" || !arg.starts_with('-') {
                options.files.push(arg.clone());
            } else if let Some(long) = arg.strip_prefix("--") {
                over = long.is_empty();
                if !over {
                    options.long(long, &mut args)?;
                }
            } else {
                options.short(&arg[1..], &mut args)?;
            }
        }
        if options.patterns.is_empty() && options.pattern_files.is_empty() {
            if options.files.is_empty() {
                return Err(Wrong::NoPattern);
            }
            let pattern = options.files.remove(0);
            options.patterns.push(pattern);
        }
        Ok(options)
    }

    fn long<'a>(&mut self, option: &str, args: &mut impl Iterator<Item = &'a String>) -> Result<(), Wrong> {
        let (name, value) = option.split_once('=').map_or((option, None), |(n, v)| (n, Some(v)));
        if matches!(name, "color" | "colour" | "line-buffered" | "binary-files") {
            return Ok(());
        }
        let unknown = || Wrong::Option(format!("unrecognized option '--{name}'"));
        let (_, letter) = *LONG.iter().find(|(long, _)| *long == name).ok_or_else(unknown)?;
        if !"mefABC".contains(letter) {
            self.flags.push(letter);
            return Ok(());
        }
        let missing = || Wrong::Option(format!("option '--{name}' requires an argument"));
        let value = value.or_else(|| args.next().map(String::as_str)).ok_or_else(missing)?;
        self.value(letter, value)
    }

    fn short<'a>(&mut self, letters: &str, args: &mut impl Iterator<Item = &'a String>) -> Result<(), Wrong> {
        let mut digits = String::new();
        for (at, letter) in letters.char_indices() {
            match letter {
                '0'..='9' => digits.push(letter),
                'm' | 'e' | 'f' | 'A' | 'B' | 'C' => {
                    let glued = &letters[at + 1..];
                    let missing = || Wrong::Option(format!("option requires an argument -- '{letter}'"));
                    let mut next = || args.next().map(String::as_str).ok_or_else(missing);
                    let value = if glued.is_empty() { next()? } else { glued };
                    return self.value(letter, value);
                }
                'y' => self.flags.push('i'),
                _ if "EFGivcnlLqowxhHrRsabIUuzZ".contains(letter) => self.flags.push(letter),
                _ => return Err(Wrong::Option(format!("invalid option -- '{letter}'"))),
            }
        }
        if digits.is_empty() { Ok(()) } else { self.value('C', &digits) }
    }

    fn value(&mut self, letter: char, value: &str) -> Result<(), Wrong> {
        let length =
            || value.parse::<usize>().map_err(|_| Wrong::Words(format!("{value}: invalid context length argument")));
        self.context |= matches!(letter, 'A' | 'B' | 'C');
        match letter {
            'e' => self.patterns.push(value.to_owned()),
            'f' => self.pattern_files.push(value.to_owned()),
            'm' => self.most = Some(value.parse().map_err(|_| Wrong::Words("invalid max count".into()))?),
            'A' => self.after = length()?,
            'B' => self.before = length()?,
            _ => (self.before, self.after) = (length()?, length()?),
        }
        Ok(())
    }
}

/// Whether a call reads its standard input.
pub fn reads(argv: &[String]) -> bool {
    Options::read(argv).is_ok_and(|o| {
        (o.files.is_empty() && !o.recursive()) || o.files.iter().chain(&o.pattern_files).any(|file| file == "-")
    })
}

/// Whether what it prints for some lines does not depend on those that follow.
pub fn goes_by_lines(argv: &[String]) -> bool {
    Options::read(argv).is_ok_and(|o| !o.flags.contains(['c', 'l', 'L', 'q']))
}

/// `grep [-EFGivcnlLqowxhHrRs] [-m N] [-A N] [-B N] [-C N] {PATTERN | -e PATTERN | -f FILE} [FILE…]`.
pub fn grep(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let gnu = ctx.place.has_gnu_tools();
    let usage = if gnu { GNU_USAGE } else { BUSYBOX_USAGE };
    let mut options = match Options::read(call.argv) {
        Ok(options) => options,
        Err(wrong) => {
            ctx.eprint(match wrong {
                Wrong::NoPattern => usage.to_owned(),
                Wrong::Option(words) => format!("grep: {words}\n{usage}"),
                Wrong::Words(words) => format!("grep: {words}\n"),
            });
            return 2;
        }
    };
    for file in std::mem::take(&mut options.pattern_files) {
        match contents(call, &file, ctx) {
            Ok(data) => options.patterns.extend(text(&data).lines().map(str::to_owned)),
            Err(error) => {
                ctx.eprint(format!("grep: {file}: {error}\n"));
                return 2;
            }
        }
    }
    let patterns = match compile(call, &options) {
        Ok(patterns) => patterns,
        Err((pattern, fault)) => {
            ctx.eprint(if gnu {
                format!("grep: {fault}\n")
            } else {
                format!("grep: bad regex '{pattern}': {fault}\n")
            });
            return 2;
        }
    };
    run(call, &options, &patterns, ctx)
}

fn compile(call: &Call<'_>, options: &Options) -> Result<Vec<Regex>, (String, pattern::Fault)> {
    let by_name = match call.argv[0].as_str() {
        "egrep" => Syntax::Extended,
        "fgrep" => Syntax::Fixed,
        _ => Syntax::Basic,
    };
    let syntax = options.flags.chars().fold(by_name, |syntax, flag| match flag {
        'E' => Syntax::Extended,
        'F' => Syntax::Fixed,
        'G' => Syntax::Basic,
        _ => syntax,
    });
    let mut all = Vec::new();
    for one in options.patterns.iter().flat_map(|p| p.split('\n')) {
        let compiled = pattern::alternatives(one, syntax, options.has('i'), options.has('x'));
        all.extend(compiled.map_err(|fault| (one.to_owned(), fault))?);
    }
    Ok(all)
}

fn run(call: &Call<'_>, options: &Options, patterns: &[Regex], ctx: &mut Ctx<'_>) -> u8 {
    let mut failed = false;
    let mut complain = |file: &str, error: String, ctx: &mut Ctx<'_>| {
        failed = true;
        if !options.has('s') {
            ctx.eprint(format!("grep: {file}: {error}\n"));
        }
    };
    let mut inputs: Vec<(String, Vec<u8>)> = Vec::new();
    let here = if options.recursive() { "" } else { "-" }.to_owned();
    let named = if options.files.is_empty() { std::slice::from_ref(&here) } else { &options.files[..] };
    for file in named {
        if options.recursive() && file != "-" && ctx.fs.is_dir(&call.path(file)) {
            let dir = call.path(file);
            let inside = format!("{}/", dir.trim_end_matches('/'));
            let shown = if file.is_empty() { String::new() } else { format!("{}/", file.trim_end_matches('/')) };
            let files = ctx.fs.files().filter_map(|(path, data)| Some((path.strip_prefix(&inside)?, data)));
            inputs.extend(files.map(|(name, file)| (format!("{shown}{name}"), file.data.to_vec())));
            continue;
        }
        match contents(call, file, ctx) {
            Ok(data) => inputs.push((if file == "-" { "(standard input)".into() } else { file.clone() }, data)),
            Err(error) => complain(file, error.to_string(), ctx),
        }
    }
    let many = options.files.len() > 1 || options.recursive();
    let named = options.flags.chars().rev().find(|f| matches!(f, 'h' | 'H')).map_or(many, |flag| flag == 'H');
    let mut search = Search { options, patterns, named, out: String::new(), printed: false };
    let mut hit = false;
    for (name, data) in &inputs {
        let count = search.file(name, &text(data));
        let matched = if options.has('L') { count == 0 } else { count > 0 };
        hit |= matched;
        if hit && options.has('q') {
            return 0;
        }
    }
    if !search.out.is_empty() && !options.has('q') {
        ctx.print(search.out);
    }
    if failed { 2 } else { u8::from(!hit) }
}

struct Search<'a> {
    options: &'a Options,
    patterns: &'a [Regex],
    named: bool,
    out: String,
    /// Whether a group of lines was printed, so that the next is set off.
    printed: bool,
}

impl Search<'_> {
    /// Searches one file; answers how many of its lines are selected.
    fn file(&mut self, name: &str, data: &str) -> u64 {
        let lines: Vec<&str> = data.strip_suffix('\n').unwrap_or(data).split('\n').collect();
        let lines = if data.is_empty() { &[] } else { &lines[..] };
        let options = self.options;
        let most = options.most.unwrap_or(u64::MAX);
        let summary = options.flags.contains(['c', 'l', 'L', 'q']);
        let (mut count, mut next, mut until) = (0, 0, 0);
        for (at, line) in lines.iter().enumerate() {
            if count < most && self.find(line, 0).is_some() != options.has('v') {
                count += 1;
                if !summary {
                    let from = at.saturating_sub(options.before).max(next);
                    if options.context && self.printed && (from > next || next == 0) {
                        self.out.push_str("--\n");
                    }
                    (from..at).for_each(|n| self.line(name, n, '-', lines[n]));
                    self.selected(name, at, line);
                    (next, until, self.printed) = (at + 1, at + 1 + options.after, true);
                }
            } else if at < until {
                self.line(name, at, '-', line);
                next = at + 1;
            } else if count >= most {
                break;
            }
        }
        self.summary(name, count);
        count
    }

    fn summary(&mut self, name: &str, count: u64) {
        if self.options.has('l') && count > 0 || self.options.has('L') && count == 0 {
            self.out.push_str(&format!("{name}\n"));
        } else if self.options.has('c') && !self.options.flags.contains(['l', 'L']) {
            let name = if self.named { format!("{name}:") } else { String::new() };
            self.out.push_str(&format!("{name}{count}\n"));
        }
    }

    fn selected(&mut self, name: &str, at: usize, line: &str) {
        if !self.options.has('o') {
            return self.line(name, at, ':', line);
        }
        let mut from = 0;
        while let Some((start, end)) = self.find(line, from).filter(|_| !self.options.has('v')) {
            if end > start {
                self.put(name, at, ':', &line[start..end]);
            }
            from = if end > start { end } else { end + line[end..].chars().next().map_or(1, char::len_utf8) };
        }
    }

    /// A line, or one of a context, which `-o` does not show.
    fn line(&mut self, name: &str, at: usize, mark: char, line: &str) {
        if !self.options.has('o') {
            self.put(name, at, mark, line);
        }
    }

    fn put(&mut self, name: &str, at: usize, mark: char, shown: &str) {
        if self.named {
            self.out.push_str(&format!("{name}{mark}"));
        }
        if self.options.has('n') {
            self.out.push_str(&format!("{}{mark}", at + 1));
        }
        self.out.push_str(shown);
        self.out.push('\n');
    }

    /// The first match from `from` on, the longest of those that begin there.
    fn find(&self, line: &str, from: usize) -> Option<(usize, usize)> {
        let found = |pattern: &Regex| {
            let mut from = from;
            loop {
                let hit = (from <= line.len()).then(|| pattern.find_at(line, from)).flatten()?;
                if !self.options.has('w') || is_word(line, hit.start(), hit.end()) {
                    return Some((hit.start(), hit.end()));
                }
                from = hit.start() + line[hit.start()..].chars().next().map_or(1, char::len_utf8);
            }
        };
        self.patterns.iter().filter_map(found).min_by_key(|(start, end)| (*start, usize::MAX - end))
    }
}

fn is_word(line: &str, start: usize, end: usize) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    !line[..start].ends_with(part) && !line[end..].starts_with(part)
}
