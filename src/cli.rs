//! The command line: `kubarium run FILE|-` is a scripted terminal session on virtual time.

use std::io::{BufRead, Write};

use serde_json::json;

use crate::kubectl::{FileNode, Files};
use crate::session::Script;
use crate::session::script::Answer;

/// What is printed without arguments that are understood.
const USAGE: &str = "\
Kubarium: a whole simulated Kubernetes cluster.

usage:
  kubarium run [--json] [--echo] FILE|-      a scripted terminal session; - reads standard input
  kubarium run [--json] --link LINK [FILE|-] goes on from a share link; without a file, prints the digest
";

/// The files of this machine.
struct HostFiles;

impl Files for HostFiles {
    fn at(&self, path: &str) -> Option<FileNode> {
        if std::path::Path::new(path).is_dir() {
            let entries = std::fs::read_dir(path).ok()?;
            let mut names: Vec<String> =
                entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            return Some(FileNode::Dir(names));
        }
        std::fs::read(path).ok().map(FileNode::File)
    }
}

/// What `run` is asked for.
#[derive(Default)]
struct Options {
    json: bool,
    echo: bool,
    link: Option<String>,
    file: Option<String>,
}

/// Runs the command line; the exit code.
pub fn main(args: &[String]) -> u8 {
    match args.split_first() {
        Some((verb, rest)) if verb == "run" => match options(rest) {
            Ok(options) => run(&options),
            Err(why) => complain(&why),
        },
        Some((verb, _)) if matches!(verb.as_str(), "help" | "--help" | "-h") => {
            print!("{USAGE}");
            0
        }
        _ => complain("run is the only command so far"),
    }
}

fn complain(why: &str) -> u8 {
    eprintln!("kubarium: {why}\n\n{USAGE}");
    2
}

fn options(args: &[String]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--json" => options.json = true,
            "--echo" => options.echo = true,
            "--link" => options.link = Some(args.next().ok_or("--link needs a link")?.clone()),
            flag if flag.starts_with("--") => return Err(format!("unknown flag {flag}")),
            file if options.file.is_none() => options.file = Some(file.to_owned()),
            other => return Err(format!("{other}: one file is enough")),
        }
    }
    if options.file.is_none() && options.link.is_none() {
        return Err("run needs a file, or - for standard input".into());
    }
    Ok(options)
}

fn run(options: &Options) -> u8 {
    let files = HostFiles;
    let mut script = match &options.link {
        None => Script::new(&files),
        Some(link) => match Script::from_link(link, &files) {
            Ok(script) => script,
            Err(why) => return complain(&why),
        },
    };
    let input: Box<dyn BufRead> = match options.file.as_deref() {
        None => {
            println!("{}", script.world().digest());
            return 0;
        }
        Some("-") => Box::new(std::io::stdin().lock()),
        Some(path) => match std::fs::File::open(path) {
            Ok(file) => Box::new(std::io::BufReader::new(file)),
            Err(why) => return complain(&format!("{path}: {why}")),
        },
    };
    let mut worst = 0;
    let mut text = String::new();
    for line in input.lines() {
        let Ok(line) = line else { return complain("standard input is not text") };
        text.push_str(&line);
        text.push('\n');
        if Script::is_complete(&text) {
            let whole = std::mem::take(&mut text);
            worst = worst.max(one(&mut script, whole.trim_end(), options));
        }
    }
    if !text.trim().is_empty() {
        worst = worst.max(one(&mut script, text.trim_end(), options));
    }
    worst
}

/// Runs one line and prints what it gave; its exit code.
fn one(script: &mut Script<'_>, line: &str, options: &Options) -> u8 {
    if options.echo {
        println!("[{}] {line}", script.now());
    }
    let mut answer = script.run(line);
    if let Some((path, bytes)) = answer.file.take()
        && let Err(why) = std::fs::write(&path, bytes)
    {
        answer.stderr.push_str(&format!("{path}: {why}\n"));
        answer.rc = 1;
    }
    print_answer(line, &answer, options.json);
    answer.rc
}

fn print_answer(line: &str, answer: &Answer, as_json: bool) {
    let mut stdout = std::io::stdout().lock();
    let written = if as_json {
        // Thousandths are enough for a reader; the digest has the rest.
        let seconds = format!("{}.{:03}", answer.t.as_secs(), answer.t.as_millis() % 1_000);
        let seconds: serde_json::Number = seconds.parse().expect("these are digits");
        let object =
            json!({"t": seconds, "cmd": line, "rc": answer.rc, "stdout": answer.stdout, "stderr": answer.stderr});
        writeln!(stdout, "{object}")
    } else {
        eprint!("{}", answer.stderr);
        write!(stdout, "{}", answer.stdout)
    };
    // A reader that has gone away is the end of the session, not a failure of it.
    if written.and_then(|()| stdout.flush()).is_err() {
        std::process::exit(0);
    }
}
