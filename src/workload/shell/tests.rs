//! Scripts and what they print.

use crate::sim::{Rng, Time};
use crate::workload::process::Program as _;
use crate::workload::shell::parse::Dialect;
use crate::workload::{Ctx, Effect, Family, Ids, Input, Place, ProcInfo, Spec, registry};

/// Runs a script to its end, however long it sleeps; what it printed, its errors, its code and how many seconds it took.
fn run(script: &str) -> (String, String, Option<u8>, u64) {
    let place = Place {
        family: Family::Busybox,
        image: "busybox".into(),
        hostname: "web-0".into(),
        epoch: 1_767_225_600,
        ..Place::default()
    };
    let spec = Spec {
        argv: ["sh", "-c", script, "zero", "one", "two words"].map(str::to_owned).to_vec(),
        env: [("HOME", "/root"), ("GREETING", "hello")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        cwd: "/".into(),
    };
    let mut fs = registry::files(&place);
    let mut process = registry::start(&spec, &place, &fs).expect("there is a shell");
    let (mut rng, mut ids, mut now) = (Rng::stream(1, "shell"), Ids::default(), Time::ZERO);
    let procs = [ProcInfo { pid: 1, started: Time::ZERO, command: "sh".into() }];
    let (mut stdout, mut stderr, mut code) = (Vec::new(), Vec::new(), None);
    let mut inputs = vec![Input::Start, Input::StdinEnd];
    for _ in 0..1_500 {
        let mut out = Vec::new();
        if inputs.is_empty() {
            let Some(at) = process.wake_at().filter(|_| code.is_none()) else { break };
            now = now.max(at);
            inputs.push(Input::Timer);
        }
        for input in inputs.drain(..) {
            let mut ctx =
                Ctx { now, fs: &mut fs, rng: &mut rng, ids: &mut ids, place: &place, procs: &procs, out: &mut out };
            process.handle(input, &mut ctx);
        }
        for effect in out {
            match effect {
                Effect::Stdout(bytes) => stdout.extend(bytes),
                Effect::Stderr(bytes) => stderr.extend(bytes),
                Effect::Exit(c) => code = code.or(Some(c)),
                _ => {}
            }
        }
    }
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (text(stdout), text(stderr), code, now.as_secs())
}

fn check(cases: &[(&str, &str)]) {
    for (script, want) in cases {
        let (out, err, code, _) = run(script);
        let got = match code {
            Some(0) => format!("{out}{err}"),
            code => format!("{out}{err}[{code:?}]"),
        };
        assert_eq!(got, *want, "{script}");
    }
}

#[test]
fn words_are_expanded_split_and_quoted() {
    check(&[
        ("echo hello   world", "hello world\n"),
        ("echo \"a  b\" 'c  $d'", "a  b c  $d\n"),
        ("x='a  b'; echo $x \"$x\"", "a b a  b\n"),
        ("echo $GREETING ${GREETING}s ${none:-default} ${#GREETING}", "hello hellos default 5\n"),
        ("echo $0 $1 $# \"$@\"", "zero one 2 one two words\n"),
        ("for a in \"$@\"; do echo \"[$a]\"; done", "[one]\n[two words]\n"),
        ("f=a.tar.gz; echo ${f%.*} ${f%%.*} ${f#*.} ${f##*.}", "a.tar a tar.gz gz\n"),
        ("echo $((1 + 2 * 3)) $(echo a; echo b) `echo c`", "7 a b c\n"),
        ("echo \"$(echo 'a  b')\"", "a  b\n"),
        ("touch /tmp/a.txt /tmp/b.txt; cd /tmp; echo *.txt *.md", "a.txt b.txt *.md\n"),
        ("echo a\\ b \"\\$x\" '\\n'", "a b $x \\n\n"),
        ("A=1 B=2; echo $A$B; C=3 env | grep C=", "12\nC=3\n"),
        ("echo '' \"\" x", "  x\n"),
    ]);
}

#[test]
fn commands_are_joined_by_operators() {
    check(&[
        ("true && echo yes || echo no", "yes\n"),
        ("false && echo yes || echo no", "no\n"),
        ("! false; echo $?", "0\n"),
        ("echo a; echo b & wait; echo c", "a\nb\nc\n"),
        ("false; exit", "[Some(1)]"),
        ("exit 3", "[Some(3)]"),
        ("(exit 4); echo $?", "4\n"),
        ("{ echo a; echo b; } | wc -l", "2\n"),
        ("echo one two three | tr ' ' '\\n' | sort | head -n 2", "one\nthree\n"),
        ("seq 3 | while read n; do echo n=$n; done", "n=1\nn=2\nn=3\n"),
        ("yes | head -n 2", "y\ny\n"),
        ("set -e; false; echo never", "[Some(1)]"),
        ("set -e; if false; then :; fi; false || true; echo here", "here\n"),
    ]);
}

#[test]
fn loops_conditions_cases_and_functions_work() {
    check(&[
        ("i=0; while [ $i -lt 3 ]; do echo $i; i=$((i+1)); done", "0\n1\n2\n"),
        ("until false; do echo once; break; done", "once\n"),
        ("for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done", "1\n3\n"),
        ("for i in 1 2; do for j in a b; do [ $j = b ] && continue 2; echo $i$j; done; done", "1a\n2a\n"),
        ("if [ -f /etc/passwd ]; then echo file; elif true; then echo x; else echo y; fi", "file\n"),
        ("case $1 in o*) echo starts;; *) echo other;; esac", "starts\n"),
        ("case b in a|b) echo ab;; esac", "ab\n"),
        ("f() { echo \"f $1 $#\"; return 5; }; f x y; echo $? $1", "f x 2\n5 one\n"),
        ("x=$(f() { echo in; }; f); echo $x", "in\n"),
        ("eval 'echo a; echo b'", "a\nb\n"),
        ("trap 'echo bye' EXIT; echo hi", "hi\nbye\n"),
    ]);
}

#[test]
fn redirections_lead_where_they_say() {
    check(&[
        ("echo a > /tmp/f; echo b >> /tmp/f; cat /tmp/f", "a\nb\n"),
        ("cat < /etc/passwd | head -c 4", "root"),
        ("echo err >&2; echo out", "out\nerr\n"),
        ("ls /nope 2>/dev/null || echo failed", "failed\n"),
        ("[ -c /dev/null ] && [ ! -f /dev/null ] && [[ -e /dev/zero ]] && echo devices", "devices\n"),
        ("head -c 3 /dev/zero | wc -c", "3\n"),
        ("printf '\\101\\x42\\n%b' 'x\\0101'; printf '\\377' | wc -c; echo -e 'a\\0101\\tb'", "AB\nxA1\naA\tb\n"),
        ("tr -dc a-z0-9 < /dev/urandom | head -c 8 | wc -c", "8\n"),
        (
            "echo aab-bcc | tr -s a-c; echo aab | tr -d '\\141'; echo x1y2 | tr -c '[:alpha:]\\n' _; echo hi | tr a-z A-Z",
            "ab-bc\nb\nx_y_\nHI\n",
        ),
        (
            "a=$(head -c 9 /dev/urandom | base64); b=$(head -c 9 /dev/urandom | base64); [ $a != $b ] && echo ${#a}",
            "12\n",
        ),
        ("ln -s /dev/stdout /tmp/log; echo hi > /tmp/log; readlink /dev/stderr", "hi\n/proc/self/fd/2\n"),
        ("echo a | cat /dev/stdin; cp /dev/null /tmp/none; cat /tmp/none; ls /dev/shm", "a\n"),
        ("ls /nope 2>&1 | wc -l", "1\n"),
        ("cat <<EOF\n$GREETING $(echo x)\nEOF", "hello x\n"),
        ("cat <<'EOF'\n$GREETING\nEOF", "$GREETING\n"),
        ("while read a b; do echo \"$b-$a\"; done <<EOF\n1 2\n3 4\nEOF", "2-1\n4-3\n"),
        ("for i in 1 2; do echo $i; done > /tmp/l; wc -l < /tmp/l", "2\n"),
        ("echo x > /no/such", "sh: can't create /no/such: nonexistent directory\n[Some(1)]"),
        ("cat /nope", "cat: can't open '/nope': No such file or directory\n[Some(1)]"),
        ("cat < /nope", "sh: can't open /nope: no such file\n[Some(1)]"),
    ]);
}

#[test]
fn mistakes_are_told_in_the_words_of_ash() {
    check(&[
        ("nope", "sh: nope: not found\n[Some(127)]"),
        ("echo 'a", "sh: syntax error: unterminated quoted string\n[Some(2)]"),
        ("if true; then echo a", "sh: syntax error: unexpected end of file (expecting \"fi\")\n[Some(2)]"),
        ("for", "sh: syntax error: unexpected end of file\n[Some(2)]"),
        ("echo a | | b", "sh: syntax error: unexpected \"|\"\n[Some(2)]"),
        ("done", "sh: syntax error: unexpected \"done\"\n[Some(2)]"),
        ("echo ${x:?is missing}", "sh: x: is missing\n[Some(2)]"),
        ("echo $((1/0))", "sh: divide by zero\n[Some(2)]"),
    ]);
}

#[test]
fn tools_answer_as_they_do() {
    check(&[
        ("hostname; whoami; id -u; uname -r", "web-0\nroot\n0\n6.8.0-60-generic\n"),
        ("date -u +%Y-%m-%dT%H:%M:%SZ; date", "2026-01-01T00:00:00Z\nThu Jan  1 00:00:00 UTC 2026\n"),
        ("printf '%s=%d\\n' a 1 b 2", "a=1\nb=2\n"),
        ("printf '%05d|%-3s|%3s\\n' 42 a b", "00042|a  |  b\n"),
        ("printf -- '---%s' x", "---x"),
        ("echo abc | sed 's/b/X/'; echo a,b,c | cut -d, -f2", "aXc\nb\n"),
        ("echo hello | base64 | base64 -d", "hello\n"),
        ("mkdir -p /data/x; touch /data/x/f; ls /data; ls /data/x", "x\nf\n"),
        ("printenv GREETING; test -n \"$GREETING\" && echo set", "hello\nset\n"),
        ("expr 2 + 3; basename /a/b.txt .txt; dirname /a/b", "5\nb\n/a\n"),
        ("kill 99", "sh: kill: (99) - No such process\n[Some(1)]"),
        ("which wget curl", "/usr/bin/wget\n[Some(1)]"),
        ("ps", "PID   USER     TIME  COMMAND\n    1 root      0:00 sh\n"),
    ]);
}

#[test]
fn a_script_takes_the_time_that_it_sleeps() {
    for (script, seconds) in
        [("sleep 3", 3), ("sleep 1; sleep 2 & sleep 1; wait", 3), ("sleep 5 | sleep 1", 5), ("timeout 9 sleep 2", 2)]
    {
        let (_, _, code, took) = run(script);
        assert_eq!((code, took), (Some(0), seconds), "{script}");
    }
}

#[test]
fn arrays_are_as_in_bash() {
    check(&[
        ("a=(x 'y z' $GREETING); echo ${a[1]} ${#a[@]} $a", "y z 3 x\n"),
        ("i=1; a=(x y\nz); a+=(\"$i\"); echo ${a[$i]} ${a[i+1]} ${a[*]}", "y z x y z 1\n"),
        ("a=(1 'b c'); for x in \"${a[@]}\"; do echo \"<$x>\"; done", "<1>\n<b c>\n"),
        ("a=($(echo p q)); echo ${a[1]}${a[7]}; b=s; b+=t; echo ${b[0]}", "q\nst\n"),
    ]);
}

#[test]
fn a_loop_without_end_uses_time_and_harms_nobody() {
    let (_, _, code, took) = run("i=0; while true; do i=$((i+1)); done");
    assert_eq!(code, None);
    assert!(took > 10, "{took}");
}

#[test]
fn nonsense_never_panics() {
    let mut rng = Rng::stream(11, "nonsense");
    let pieces = [
        "if", "then", "fi", "$(", ")", "${", "}", "'", "\"", "|", "&&", ";", "for", "in", "do", "done", "<<", "E",
        "\n", "((", "))", "`", "\\", "x=1", "*", "[", "é", "case", "esac", "&", ">", "<", "1", "$x", "echo",
    ];
    for _ in 0..3_000 {
        let length = rng.below(14);
        let script: Vec<&str> = (0..length).map(|_| *rng.pick(&pieces).expect("not empty")).collect();
        let separator = if rng.chance(500_000) { " " } else { "" };
        for dialect in [Dialect::Dash, Dialect::Ash, Dialect::Bash] {
            _ = super::parse::parse(&script.join(separator), dialect);
        }
    }
}

#[test]
fn each_shell_reads_what_it_has_and_refuses_the_rest_in_its_words() {
    let run = |argv0: &str, image: &str, family: Family, script: &str| {
        let place = Place { family, image: image.into(), ..Place::default() };
        let spec = Spec { argv: [argv0, "-c", script].map(str::to_owned).to_vec(), env: [].into(), cwd: "/".into() };
        let mut fs = registry::files(&place);
        let mut process = registry::start(&spec, &place, &fs).expect("there is a shell");
        let (mut rng, mut ids, mut out) = (Rng::stream(1, "shell"), Ids::default(), Vec::new());
        let (now, procs) = (Time::ZERO, &[]);
        let mut ctx = Ctx { now, fs: &mut fs, rng: &mut rng, ids: &mut ids, place: &place, procs, out: &mut out };
        process.handle(Input::Start, &mut ctx);
        let text = |effect: &Effect| match effect {
            Effect::Stdout(bytes) | Effect::Stderr(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            _ => String::new(),
        };
        out.iter().map(text).collect::<String>()
    };
    let ash = |script: &str| run("sh", "busybox", Family::Busybox, script);
    let dash = |script: &str| run("sh", "debian", Family::Debian, script);
    let bash = |script: &str| run("bash", "debian", Family::Debian, script);
    for (script, in_ash, in_dash, in_bash) in [
        ("echo {1..3}", "{1..3}\n", "{1..3}\n", "1 2 3\n"),
        ("x=abcd; echo ${x:1:2}", "bc\n", "sh: 1: Syntax error: Bad substitution\n", "bc\n"),
        ("x=abab; echo ${x//a/-}", "-b-b\n", "sh: 1: Syntax error: Bad substitution\n", "-b-b\n"),
        (
            "cat <<< a",
            "sh: syntax error: unexpected redirection\n",
            "sh: 1: Syntax error: redirection unexpected\n",
            "a\n",
        ),
        ("[[ a == b ]] || echo no", "no\n", "sh: 1: [[: not found\nno\n", "no\n"),
        ("function f { echo f; }; f", "f\n", "sh: 1: Syntax error: \"}\" unexpected\n", "f\n"),
        (
            "if true",
            "sh: syntax error: unexpected end of file (expecting \"then\")\n",
            "sh: 1: Syntax error: end of file unexpected (expecting \"then\")\n",
            "bash: line 1: syntax error: unexpected end of file\n",
        ),
        (
            "echo )",
            "sh: syntax error: unexpected \")\"\n",
            "sh: 1: Syntax error: \")\" unexpected\n",
            "bash: line 1: syntax error near unexpected token `)'\n",
        ),
        (
            "for ((i=0;i<2;i++)); do echo $i; done",
            "sh: syntax error: unexpected \"(\"\n",
            "sh: 1: Syntax error: \"(\" unexpected\n",
            "0\n1\n",
        ),
        ("let x=2+3; echo $x", "5\n", "sh: 1: let: not found\n\n", "5\n"),
    ] {
        assert_eq!(ash(script), in_ash, "ash: {script}");
        assert_eq!(dash(script), in_dash, "dash: {script}");
        assert_eq!(bash(script), in_bash, "bash: {script}");
    }
}

/// What a shell at a terminal shows, line by line of what is typed; `^C` and `^D` are keys.
fn at_terminal(lines: &[&str]) -> (String, Option<u8>) {
    line_by_line(lines, true)
}

fn line_by_line(lines: &[&str], terminal: bool) -> (String, Option<u8>) {
    let place = Place { family: Family::Busybox, image: "busybox".into(), ..Place::default() };
    let spec = Spec { argv: vec!["sh".into()], env: [].into(), cwd: "/".into() };
    let mut fs = registry::files(&place);
    let mut process = registry::start(&spec, &place, &fs).expect("there is a shell");
    if let crate::workload::Process::Shell(shell) = &mut process
        && terminal
    {
        shell.interact();
    }
    let (mut rng, mut ids) = (Rng::stream(1, "shell"), Ids::default());
    let (mut shown, mut code) = (String::new(), None);
    let typed = lines.iter().map(|line| match *line {
        "^C" => Input::Signal(crate::workload::SIGINT),
        "^D" => Input::StdinEnd,
        line => Input::Stdin(format!("{line}\n").into_bytes()),
    });
    for input in std::iter::once(Input::Start).chain(typed) {
        let mut out = Vec::new();
        let now = Time::ZERO;
        let mut ctx = Ctx { now, fs: &mut fs, rng: &mut rng, ids: &mut ids, place: &place, procs: &[], out: &mut out };
        process.handle(input, &mut ctx);
        for effect in out {
            match effect {
                Effect::Stdout(bytes) | Effect::Stderr(bytes) => shown += &String::from_utf8_lossy(&bytes),
                Effect::Exit(c) => code = Some(c),
                _ => {}
            }
        }
    }
    (shown, code)
}

#[test]
fn a_shell_at_a_terminal_asks_for_lines_until_it_is_left() {
    for (lines, want, code) in [
        (&["echo a", "exit 3"][..], "/ # a\n/ # ", Some(3)),
        (&["cd /etc", "echo $(pwd)", "^D"], "/ # /etc # /etc\n/etc # ", Some(0)),
        (&["if true; then", "echo 'a", "b'", "fi"], "/ # > > > a\nb\n/ # ", None),
        (&["nope", "echo $?"], "/ # sh: nope: not found\n/ # 127\n/ # ", None),
        (&["cat", "one", "^D", "echo two"], "/ # one\n/ # two\n/ # ", None),
        (&["sleep 5", "echo later", "^C", "echo $?"], "/ # / # 130\n/ # ", None),
        (&["sleep 5", "^C", "echo $?"], "/ # / # 130\n/ # ", None),
        (&[")", "echo on"], "/ # sh: syntax error: unexpected \")\"\n/ # on\n/ # ", None),
    ] {
        assert_eq!(at_terminal(lines), (want.to_owned(), code), "{lines:?}");
    }
}

#[test]
fn a_shell_without_a_terminal_runs_each_line_as_it_comes() {
    for (lines, want, code) in [
        (&["echo a", "exit 3"][..], "a\n", Some(3)),
        (&["echo a", "x=1"], "a\n", None),
        (&["x=1", "echo $x$(echo 2)", "^D"], "12\n", Some(0)),
        (&["false", "^D"], "", Some(1)),
        (&["if true; then", "echo 'a", "b'", "fi"], "a\nb\n", None),
        (&["cat <<E", "one", "E", "echo two"], "one\ntwo\n", None),
        (&["cat", "one", "two", "^D"], "one\ntwo\n", Some(0)),
        (&["set -e", "false && true", "echo on", "false", "echo never", "^D"], "on\n", Some(1)),
        (&["trap 'echo bye' EXIT", "echo a", "^D"], "a\nbye\n", Some(0)),
        (&["echo a", ")", "echo never", "^D"], "a\nsh: syntax error: unexpected \")\"\n", Some(2)),
        (&["echo a", "if true", "^D"], "a\nsh: syntax error: unexpected end of file (expecting \"then\")\n", Some(2)),
        (&["^D"], "", Some(0)),
    ] {
        assert_eq!(line_by_line(lines, false), (want.to_owned(), code), "{lines:?}");
    }
}
