//! `sed` as GNU's does it.

use super::*;

fn run(args: &[&str], input: &str) -> String {
    let argv: Vec<String> = ["sed"].iter().chain(args).map(|word| (*word).to_owned()).collect();
    let outcome = Options::read(&argv, |_| Err("no files here".into())).and_then(|options| {
        let commands = read::script(&options.script, options.extended)?;
        let mut machine = Machine::new(&commands, input, options.quiet);
        let spec = crate::workload::Spec { argv: argv.clone(), cwd: "/".into(), ..Default::default() };
        let call = Call { argv: &argv, spec: &spec, stdin: &[] };
        let (mut fs, mut out) = (crate::workload::Fs::new(), Vec::new());
        let (mut rng, mut ids) = (crate::sim::Rng::stream(1, "sed"), crate::workload::Ids::default());
        let place = crate::workload::Place::default();
        let now = crate::sim::Time::ZERO;
        let mut ctx = Ctx { now, fs: &mut fs, rng: &mut rng, ids: &mut ids, place: &place, procs: &[], out: &mut out };
        machine.run(&call, &mut ctx)?;
        Ok(machine.out)
    });
    outcome.unwrap_or_else(|words| words)
}

/// What GNU sed 4.8 prints.
#[test]
fn scripts_do_what_they_do_in_gnu_sed() {
    let five = "one\ntwo\nthree\nfour\nfive\n";
    for (args, input, expected) in [
        (&["s/o/0/"][..], five, "0ne\ntw0\nthree\nf0ur\nfive\n"),
        (&["s/e/E/g"], "three\n", "thrEE\n"),
        (&["s/e/E/2"], "three\n", "threE\n"),
        (&["-n", "s/o/0/p"], five, "0ne\ntw0\nf0ur\n"),
        (&["s/\\(t\\)\\(w\\)/\\2\\1/"], "two\n", "wto\n"),
        (&["-E", "s/(t)(w)/\\2\\1/"], "two\n", "wto\n"),
        (&["s/t.*/<&>/"], "a two\n", "a <two>\n"),
        (&["s|/usr|/opt|"], "/usr/bin\n", "/opt/bin\n"),
        (&["s/a\\/b/x/"], "a/b\n", "x\n"),
        (&["s/ONE/x/I"], "one\n", "x\n"),
        (&["-n", "2p"], five, "two\n"),
        (&["-n", "2,3p"], five, "two\nthree\n"),
        (&["-n", "/two/,/four/p"], five, "two\nthree\nfour\n"),
        (&["-n", "/two/,+1p"], five, "two\nthree\n"),
        (&["-n", "$p"], five, "five\n"),
        (&["-n", "2~2p"], five, "two\nfour\n"),
        (&["-n", "4,2p"], five, "four\n"),
        (&["-n", "/three/,$p"], five, "three\nfour\nfive\n"),
        (&["2,$d"], five, "one\n"),
        (&["/o/d"], five, "three\nfive\n"),
        (&["/o/!d"], five, "one\ntwo\nfour\n"),
        (&["1d;3d"], five, "two\nfour\nfive\n"),
        (&["-e", "1d", "-e", "s/two/2/"], five, "2\nthree\nfour\nfive\n"),
        (&["3q"], five, "one\ntwo\nthree\n"),
        (&["3Q"], five, "one\ntwo\n"),
        (&["2a after"], "one\ntwo\nthree\n", "one\ntwo\nafter\nthree\n"),
        (&["2i before"], "one\ntwo\n", "one\nbefore\ntwo\n"),
        (&["2c changed"], "one\ntwo\nthree\n", "one\nchanged\nthree\n"),
        (&["2,3c changed"], "one\ntwo\nthree\n", "one\nchanged\n"),
        (&["a\\\n  kept"], "one\n", "one\n  kept\n"),
        (&["="], "one\n", "1\none\n"),
        (&["n;d"], five, "one\nthree\nfive\n"),
        (&["N;s/\\n/ /"], five, "one two\nthree four\nfive\n"),
        (&[":a;N;$!ba;s/\\n/,/g"], five, "one,two,three,four,five\n"),
        (&["1!G;h;$!d"], five, "five\nfour\nthree\ntwo\none\n"),
        (&["y/abc/xyz/"], "cab\n", "zxy\n"),
        (&["/one/{s/o/0/;s/n/N/}"], five, "0Ne\ntwo\nthree\nfour\nfive\n"),
        (&["-n", "/two/{n;p}"], five, "three\n"),
        (&["s/x/y/;ta;s/$/!/;:a"], "x\nz\n", "y\nz!\n"),
        (&["s/[0-9]\\+/N/g"], "a12b3\n", "aNbN\n"),
        (&["-E", "s/[0-9]+/N/g"], "a12b3\n", "aNbN\n"),
        (&["s/[[:space:]]*$//"], "a  \n", "a\n"),
        (&["s/^/> /"], "a\nb\n", "> a\n> b\n"),
        (&["s/a/\\n/"], "xay\n", "x\ny\n"),
        (&["s/.$//"], "ab", "a"),
        (&["p"], "a", "a\na"),
        (&["# nothing\np"], "a\n", "a\na\n"),
        (&["0,/o/s//0/"], "one\ntwo\n", "0ne\ntwo\n"),
        (&["$!N;P;D"], "a\nb\nc\n", "a\nb\nc\n"),
        (&["s/a/b/w"], "a\n", "-e expression #1, char 7: missing filename in r/R/w/W commands"),
        (&["k"], "a\n", "-e expression #1, char 1: unknown command: `k'"),
        (&["s/a"], "a\n", "-e expression #1, char 3: unterminated `s' command"),
        (&["s/a/b/k"], "a\n", "-e expression #1, char 7: unknown option to `s'"),
        (&["/a"], "a\n", "-e expression #1, char 2: unterminated address regex"),
        (&["{p"], "a\n", "-e expression #1, char 0: unmatched `{'"),
        (&["p}"], "a\n", "-e expression #1, char 2: unexpected `}'"),
        (&["bx"], "a\n", "-e expression #1, char 2: can't find label for jump to `x'"),
        (&["2"], "a\n", "-e expression #1, char 1: missing command"),
        (&["pp"], "a\n", "-e expression #1, char 2: extra characters after command"),
        (&[":a;ba"], "a\n", "stopped after 1000000 steps: this script seems to have no end"),
    ] {
        assert_eq!(run(args, input), expected, "{args:?} {input:?}");
    }
}

#[test]
fn nonsense_never_panics() {
    let mut rng = crate::sim::Rng::stream(7, "sed");
    let pieces = [
        "s", "/", "a", "\\(", "\\)", "[", "]", "*", "{", "}", ";", "1", ",", "$", "!", "y", "b", ":", "\n", "é", "~",
        "+", "\\",
    ];
    for _ in 0..3_000 {
        let length = rng.below(12);
        let script: String = (0..length).map(|_| *rng.pick(&pieces).expect("not empty")).collect();
        if !script.contains('b') {
            _ = run(&["-n", &script], "one\ntwo é\n");
        }
    }
}
