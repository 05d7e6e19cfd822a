//! The command line: `kubarium run FILE|-` is a scripted terminal session on virtual time, `kubarium serve` the same cluster
//! behind REST, `kubarium lesson check FILE…` tries lessons.

mod lesson;

use std::io::{BufRead, Read as _, Write};

use serde_json::json;

use crate::kubectl::{FileNode, Files};
use crate::line;
use crate::serve;
use crate::session::script::Answer;
use crate::session::{Script, World, export, sharing};

/// What is printed without arguments that are understood.
const USAGE: &str = "\
Kubarium: a whole simulated Kubernetes cluster.

usage:
  kubarium run [--json] [--echo] FILE|-      a scripted terminal session; - reads standard input
  kubarium run [--json] --link LINK [FILE|-] goes on from a share link, or from a file that holds one or a lesson; without
                                             a FILE, prints the digest
  kubarium link FILE|-                       runs a script and prints a link to the cluster at its end
  kubarium link LESSON.md [LESSON.zh.md]     prints a link to a lesson, in one language or in both
  kubarium export LINK                       prints what was made in the cluster of a link, as manifests
  kubarium export --kind LINK                prints a configuration for kind with as many nodes
  kubarium serve [--port PORT] [--pace N] [KEY=VALUE ...]
                                             a cluster behind REST on 127.0.0.1, N times as fast as real time;
                                             the keys are those of !cluster: nodes=3 proxy=iptables
  kubarium kubeconfig [--port PORT]          prints the kubeconfig for it
  kubarium lesson check FILE...              reads and plays lessons; prints FILE:LINE:COLUMN: of what is wrong
";

/// The most that is read of a file with a link or a script.
const LONGEST: u64 = 64 << 20;

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

    fn home(&self) -> String {
        std::env::current_dir().map_or_else(|_| "/".into(), |folder| folder.to_string_lossy().into_owned())
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
    if args.first().is_some_and(|verb| verb == "help") || args.iter().any(|arg| matches!(arg.as_str(), "--help" | "-h"))
    {
        print!("{USAGE}");
        return 0;
    }
    match args.split_first() {
        Some((verb, rest)) if verb == "run" => match options(rest) {
            Ok(options) => run(&options),
            Err(why) => complain(&why),
        },
        Some((verb, rest)) if verb == "link" => match rest {
            [_] | [_, _] => link(rest),
            _ => complain("link needs a file, - for standard input, or a lesson in two languages"),
        },
        Some((verb, rest)) if verb == "export" => match rest {
            [flag, link] if flag == "--kind" => print_of(link, |world| export::kind_config(world.cluster.scenario())),
            [link] => print_of(link, export::manifests),
            _ => complain("export needs a link"),
        },
        Some((verb, rest)) if verb == "serve" => match serve_options(rest) {
            Ok(options) => serve::serve(&options).map_or_else(|why| complain(&why), |()| 0),
            Err(why) => complain(&why),
        },
        Some((verb, rest)) if verb == "kubeconfig" => match serve_options(rest) {
            Ok(options) => {
                print!("{}", serve::kubeconfig(options.port));
                0
            }
            Err(why) => complain(&why),
        },
        Some((verb, rest)) if verb == "lesson" => match rest.split_first() {
            Some((verb, files)) if verb == "check" && !files.is_empty() => lesson::check(files),
            _ => complain("lesson check needs files"),
        },
        Some((verb, _)) => complain(&format!("unknown command {verb:?}")),
        None => complain("a command is needed"),
    }
}

fn serve_options(args: &[String]) -> Result<serve::Options, String> {
    let mut options = serve::Options::default();
    let mut keys: Vec<&str> = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--port" => options.port = value()?.parse().map_err(|_| "--port needs a port".to_owned())?,
            "--pace" => options.pace = pace(value()?).ok_or("--pace needs a number from 0.001 to 1000")?,
            flag if flag.starts_with('-') => return Err(format!("unknown flag {flag}")),
            key => keys.push(key),
        }
    }
    options.scenario = keys.join(" ").parse().map_err(|error: crate::cluster::ScenarioError| error.to_string())?;
    Ok(options)
}

/// A factor in thousandths.
fn pace(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = if fraction.is_empty() { 0 } else { format!("{fraction:0<3}").get(..3)?.parse::<u64>().ok()? };
    let thousandths = whole.parse::<u64>().ok()?.checked_mul(1_000)?.checked_add(fraction)?;
    (1..=1_000_000).contains(&thousandths).then_some(thousandths)
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
        Some(link) => match from_link(link) {
            Ok(script) => script,
            Err(why) => return complain(&why),
        },
    };
    let Some(path) = options.file.as_deref() else {
        println!("{}", script.world().digest());
        return 0;
    };
    let input = match open(path) {
        Ok(input) => input,
        Err(why) => return complain(&why),
    };
    let mut worst = 0;
    for line in input.lines() {
        let Ok(line) = line else { return complain("standard input is not text") };
        if let Some(whole) = script.gather(&line) {
            worst = worst.max(one(&mut script, &whole, options));
        }
    }
    match script.rest() {
        rest if rest.is_empty() => worst,
        rest => worst.max(one(&mut script, &rest, options)),
    }
}

/// A file, or standard input for `-`.
fn open(path: &str) -> Result<Box<dyn BufRead>, String> {
    match path {
        "-" => Ok(Box::new(std::io::stdin().lock())),
        path => match std::fs::File::open(path) {
            Ok(file) => Ok(Box::new(std::io::BufReader::new(file))),
            Err(why) => Err(format!("{path}: {why}")),
        },
    }
}

/// Prints something about the world of a link.
fn print_of(link: &str, what: impl Fn(&World) -> String) -> u8 {
    match from_link(link) {
        Ok(script) => {
            print!("{}", what(&script.into_world()));
            0
        }
        Err(why) => complain(&why),
    }
}

/// A script that goes on from a link, or from a file that holds a link or a lesson.
fn from_link(link: &str) -> Result<Script<'static>, String> {
    // The name of a file is no link, and a link no name of a file.
    let held = std::path::Path::new(link).is_file().then(|| text_of(link)).transpose()?;
    Script::from_link(held.as_deref().unwrap_or(link).trim_start_matches('\u{feff}'), &HostFiles)
}

/// The text of a file, or of standard input for `-`.
fn text_of(path: &str) -> Result<String, String> {
    let mut text = String::new();
    let read = open(path)?.take(LONGEST).read_to_string(&mut text);
    read.map(|_| text).map_err(|why| format!("{path}: {why}"))
}

/// Prints a link to where a script ends, or what its first line that failed said; of lessons, a link to begin them.
fn link(paths: &[String]) -> u8 {
    let texts: Result<Vec<String>, String> = paths.iter().map(|path| text_of(path)).collect();
    match texts.as_deref() {
        Err(why) => complain(why),
        Ok(texts) if texts.iter().all(|text| sharing::is_lesson(text)) => lesson::link(paths, texts),
        Ok([text]) => link_of_script(&paths[0], text),
        Ok(_) => complain("two files must be a lesson in two languages"),
    }
}

fn link_of_script(path: &str, text: &str) -> u8 {
    let mut script = Script::new(&HostFiles);
    for (n, line) in line::split(text) {
        let answer = script.run(&line);
        if answer.rc != 0 {
            eprintln!("{path}:{}: {line}\n{}", n + 1, answer.stderr.trim_end());
            return answer.rc;
        }
    }
    println!("{}", script.run("!link").stdout.trim_end());
    0
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
