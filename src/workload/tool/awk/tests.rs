//! Programs with what they print.

use crate::sim::{Rng, Time};
use crate::workload::bench::Bench;
use crate::workload::tool::awk::fault::Fuel;
use crate::workload::tool::awk::machine::Machine;
use crate::workload::tool::awk::{awk, parser};
use crate::workload::tool::instant::Call;
use crate::workload::{Ctx, Effect, Family, File, Fs, Ids, Place, Spec};

mod table;

/// A world for one call.
struct World {
    fs: Fs,
    place: Place,
    out: Vec<Effect>,
}

impl World {
    fn new() -> World {
        let mut fs = Fs::new();
        fs.put("/data/x", File::of("x1 x2\n"));
        fs.put("/data/y", File::of("y1 y2\ny3 y4\n"));
        fs.put("/data/p.awk", File::of("# a program\n{ print f($1) }\nfunction f(a) { return \"<\" a \">\" }\n"));
        World { fs, place: Place { family: Family::Busybox, ..Place::default() }, out: Vec::new() }
    }

    fn with<T>(&mut self, f: impl FnOnce(&mut Ctx<'_>) -> T) -> T {
        f(&mut Ctx {
            now: Time::ZERO,
            fs: &mut self.fs,
            rng: &mut Rng::stream(1, "awk"),
            ids: &mut Ids::default(),
            place: &self.place,
            procs: &[],
            out: &mut self.out,
        })
    }

    /// Standard output, or with `errors` standard error.
    fn written(&self, errors: bool) -> String {
        let bytes = self.out.iter().filter_map(|effect| match effect {
            Effect::Stdout(bytes) if !errors => Some(bytes.clone()),
            Effect::Stderr(bytes) if errors => Some(bytes.clone()),
            _ => None,
        });
        String::from_utf8_lossy(&bytes.collect::<Vec<_>>().concat()).into_owned()
    }
}

fn spec(args: &[&str]) -> Spec {
    let argv = std::iter::once(&"awk").chain(args).map(|word| (*word).to_owned()).collect();
    Spec { argv, env: [("HOME".to_owned(), "/root".to_owned())].into_iter().collect(), cwd: "/data".into() }
}

/// Output, errors and code.
fn call(world: &mut World, args: &[&str], stdin: &str) -> (String, String, u8) {
    let spec = spec(args);
    world.out.clear();
    let call = Call { argv: &spec.argv, spec: &spec, stdin: stdin.as_bytes() };
    let code = world.with(|ctx| awk(&call, ctx));
    (world.written(false), world.written(true), code)
}

#[test]
fn programs_print_what_they_should() {
    assert!(table::PROGRAMS.len() >= 60);
    for (args, stdin, want) in table::PROGRAMS {
        let got = call(&mut World::new(), args, stdin);
        assert_eq!(got, ((*want).to_owned(), String::new(), 0), "{args:?} of {stdin:?}");
    }
}

#[test]
fn errors_have_the_words_of_busybox() {
    for (args, want) in [
        (&["{print $1"][..], "awk: cmd. line:1: Unexpected end of string\n"),
        (&["BEGIN { x = ) }"], "awk: cmd. line:1: Unexpected token\n"),
        (&["BEGIN {\n  print 1\n  print 2 3)\n}"], "awk: cmd. line:3: Unexpected token\n"),
        (&["BEGIN { print \"a }"], "awk: cmd. line:1: Unexpected end of string\n"),
        (&["BEGIN { print 1/0 }"], "awk: cmd. line:1: Division by zero\n"),
        (&["BEGIN {\n print 1 % 0 }"], "awk: cmd. line:2: Division by zero\n"),
        (&["BEGIN { f(1) }"], "awk: cmd. line:1: Call to undefined function\n"),
        (&["BEGIN { print substr(\"a\") }"], "awk: cmd. line:1: Too few arguments\n"),
        (&["BEGIN { print $(-1) }"], "awk: cmd. line:1: Access to negative field\n"),
        (&["BEGIN { a[1] = 1; print a }"], "awk: cmd. line:1: Array in a scalar context\n"),
        (&["BEGIN { a = 1; a[1] = 1 }"], "awk: cmd. line:1: Not an array\n"),
        (&["BEGIN { printf \"%z\" }"], "awk: cmd. line:1: Invalid format specifier\n"),
        (&["/(/"], "awk: bad regex '(': Unmatched ( or \\(\n"),
        (&["BEGIN { x = \"[\"; print \"a\" ~ x }"], "awk: bad regex '[': Unmatched [, [^, [:, [., or [=\n"),
        (&["BEGIN { while ((getline l) > 0) n++ }"], "awk: getline: not simulated\n"),
        (&["BEGIN { \"date\" | getline d }"], "awk: getline: not simulated\n"),
        (&["BEGIN { print 1 | \"sort\" }"], "awk: print to a command: not simulated\n"),
        (&["BEGIN { system(\"ls\") }"], "awk: system(): not simulated\n"),
        (&["{ print }", "nofile"], "awk: can't open 'nofile': No such file or directory\n"),
        (&["BEGIN { print 1 > \"/no/x\" }"], "awk: can't open '/no/x': No such file or directory\n"),
        (&["-f", "nofile"], "awk: can't open 'nofile': No such file or directory\n"),
        (&["BEGIN { break }"], "awk: cmd. line:1: Unexpected token\n"),
        (&["return"], "awk: cmd. line:1: Unexpected token\n"),
    ] {
        assert_eq!(call(&mut World::new(), args, "a b\n"), (String::new(), want.to_owned(), 1), "{args:?}");
    }
    for args in [&[][..], &["-z"], &["-v"], &["-v", "x", "1"]] {
        let (_, errors, code) = call(&mut World::new(), args, "");
        assert!(errors.contains("Usage: awk [OPTIONS] [AWK_PROGRAM] [FILE]...") && code == 1, "{args:?}: {errors}");
    }
    let mut debian = World::new();
    debian.place.family = Family::Debian;
    let want = "awk: cannot open nofile (No such file or directory)\n";
    assert_eq!(call(&mut debian, &["1", "nofile"], ""), (String::new(), want.to_owned(), 2));
}

#[test]
fn what_was_printed_before_an_error_and_the_exit_code_are_kept() {
    let first = call(&mut World::new(), &["{ print $1 / $2 }"], "6 3\n1 0\n");
    assert_eq!(first, ("2\n".into(), "awk: cmd. line:1: Division by zero\n".into(), 1));
    for (program, out, code) in [
        ("{ exit 3 } END { print \"end\" }", "end\n", 3),
        ("BEGIN { exit 4 } { print } END { print NR }", "0\n", 4),
        ("END { print NR; exit }", "2\n", 0),
        ("BEGIN { exit 1 + 1 }", "", 2),
        ("function f() { exit 5 } BEGIN { f(); print 1 }", "", 5),
        ("{ exit 6 } END { exit }", "", 6),
    ] {
        assert_eq!(call(&mut World::new(), &[program], "a\nb\n"), (out.into(), String::new(), code), "{program}");
    }
}

#[test]
fn files_are_written_and_read() {
    let mut world = World::new();
    let program =
        "{ print $1 > \"/data/\" $2; print NR >> \"y\" } END { close(\"y\"); print \"warn\" > \"/dev/stderr\" }";
    let want = (String::new(), "warn\n".to_owned(), 0);
    assert_eq!(call(&mut world, &[program], "a one\nb two\nc one\n"), want);
    let read = |path: &str| String::from_utf8(world.fs.read(path).unwrap().to_vec()).unwrap();
    assert_eq!((read("/data/one"), read("/data/two")), ("a\nc\n".into(), "b\n".into()));
    assert_eq!(read("/data/y"), "y1 y2\ny3 y4\n1\n2\n3\n");
}

#[test]
fn a_program_without_end_ends() {
    for program in [
        "BEGIN { while (1) n++ }",
        "BEGIN { for (;;) print \"more\" > \"/dev/null\" }",
        "function f() { return f() } BEGIN { f() }",
        "BEGIN { s = \"x\"; for (;;) s = s s }",
        "BEGIN { for (;;) a[n++] = n }",
        "BEGIN { $1000000000 = 1 }",
        "BEGIN { NF = 1e18 }",
        "BEGIN { for (;;) printf \"%100000d\", 1 > \"/dev/null\" }",
    ] {
        let (out, errors, code) = call(&mut World::new(), &[program], "");
        let says = errors.contains("seems to have no end") || errors.contains("Nested too deeply");
        assert!(out.is_empty() && says && code == 1, "{program}: {errors}");
    }
    let deep = [format!("BEGIN {{ print {}1{} }}", "(".repeat(9_000), ")".repeat(9_000)), "!".repeat(9_000)];
    for program in deep.iter().chain([&format!("BEGIN {}", "{".repeat(9_000)), &"$".repeat(9_000)]) {
        let (_, errors, _) = call(&mut World::new(), &[program], "");
        assert_eq!(errors, "awk: cmd. line:1: Nested too deeply\n");
    }
    let long = format!("BEGIN {{ print {} }}", vec!["1"; 9_000].join("+"));
    assert_eq!(call(&mut World::new(), &[&long], "").0, "9000\n");
}

#[test]
fn shells_find_it_and_it_waits_for_its_input_only_if_it_reads() {
    let mut bench = Bench::new();
    for (image, line, want) in [
        ("busybox", "echo a b c | awk '{print $2}'", "b\n"),
        ("alpine", "printf 'a:1\\nb:2\\n' | awk -F: '{s += $2} END {print s}'", "3\n"),
        ("nginx", "awk 'BEGIN {print 6 * 7}'", "42\n"),
        ("debian", "which awk; awk -v n=1 '{print n, $1}' /etc/hostname | wc -l", "/usr/bin/awk\n1\n"),
        ("busybox", "awk '{print FILENAME}' n=1 /etc/hostname", "/etc/hostname\n"),
        ("busybox", "awk '{print $3}' /proc/version", "6.8.0-60-generic\n"),
    ] {
        let (out, errors, code) = bench.run(image, &["sh", "-c", line], &[("/etc/hostname", "m\n")]);
        assert_eq!((out.as_str(), errors.as_str(), code), (want, "", Some(0)), "{image}: {line}");
    }
    let reads = |args: &[&str]| super::reads(&spec(args).argv);
    assert!(reads(&["{print}"]) && reads(&["END {}"]) && reads(&["1", "n=1"]) && reads(&["1", "f", "-"]));
    assert!(reads(&["-f", "p.awk"]) && reads(&["-F:", "1"]) && reads(&["--", "1"]));
    assert!(!reads(&["BEGIN {}"]) && !reads(&["1", "f"]) && !reads(&["{"]) && !reads(&[]) && !reads(&["-f", "p", "x"]));
}

/// A program made of parts of programs.
fn odd(rng: &mut Rng) -> String {
    const PARTS: &[&str] = &[
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ";",
        "\n",
        ",",
        "+",
        "-",
        "*",
        "/",
        "%",
        "^",
        "!",
        "<",
        ">",
        "|",
        "?",
        ":",
        "~",
        "$",
        "=",
        "==",
        "&&",
        "||",
        "++",
        "--",
        "+=",
        "/=",
        ">>",
        "\"a\"",
        "\"",
        "/a/",
        "/(/",
        "1",
        "0",
        "1e9",
        "-1",
        "x",
        "a[1]",
        "NF",
        "$0",
        "$1",
        "NR",
        "RS",
        "FS",
        "BEGIN",
        "END",
        "function f(a) {",
        "f(",
        "if (",
        "else",
        "while (",
        "do",
        "for (",
        "for (k in a)",
        "in",
        "break",
        "continue",
        "next",
        "exit",
        "return",
        "delete",
        "getline",
        "print",
        "printf",
        "split(",
        "sub(",
        "gsub(",
        "substr(",
        "length",
        "sprintf(",
        "match(",
        "\"%*d\"",
        "é",
        "\\",
        "#",
        "\u{0}",
        " ",
    ];
    let mut text = String::new();
    if rng.chance(600_000) {
        let (args, ..) = rng.pick(table::PROGRAMS).expect("the table has rows");
        text = (*args.iter().find(|arg| arg.contains(['{', '/'])).unwrap_or(&"{}")).to_owned();
    }
    for _ in 0..rng.between(1, 12) {
        let part = *rng.pick(PARTS).expect("there are parts");
        let mut chars: Vec<char> = text.chars().collect();
        let at = usize::try_from(rng.below(chars.len() as u64 + 1)).unwrap();
        let gone = usize::try_from(rng.below(4)).unwrap().min(chars.len() - at);
        let part = if rng.chance(700_000) { part } else { "" };
        chars.splice(at..at + gone, part.chars().chain(rng.chance(500_000).then_some(' ')));
        text = chars.into_iter().collect();
    }
    text
}

#[test]
fn no_program_is_so_odd_that_anything_panics() {
    let (mut ran, mut refused) = (0, 0);
    for seed in 0..6_000 {
        let mut rng = Rng::stream(seed, "odd awk");
        let text = odd(&mut rng);
        let spec = spec(&[&text]);
        let call = Call { argv: &spec.argv, spec: &spec, stdin: "a b c\n1 2 3\n\né".as_bytes() };
        println!("seed {seed}: {text}");
        let mut world = World::new();
        let Ok(program) = parser::compile(&[text]) else {
            refused += 1;
            continue;
        };
        ran += 1;
        _ = world.with(|ctx| {
            let mut machine = Machine::new(&program, &call, &["n=1", "-"], ctx);
            machine.fuel = Fuel::of(20_000);
            machine.run()
        });
        assert!(world.written(false).len() <= 50_000, "seed {seed}: what is printed is paid for");
    }
    assert!(ran > 500 && refused > 500, "{ran} ran, {refused} were refused");
}
