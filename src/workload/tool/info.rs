//! Tools that tell about the system and its processes: `date`, `hostname`, `env`, `id`, `uname`, `ps`, `kill`, …

use crate::api::Timestamp;
use crate::workload::http::{month_name, weekday};
use crate::workload::tool::identity;
use crate::workload::tool::instant::Call;
use crate::workload::{Ctx, Effect};

/// `date [-u] [+FORMAT]`.
pub fn date(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let unix = ctx.unix();
    let format = call.args().find_map(|a| a.strip_prefix('+')).unwrap_or("%a %b %e %H:%M:%S UTC %Y");
    let text = Timestamp(unix).to_string();
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or("").to_owned();
    let month = month_name(part(5..7).parse().unwrap_or(1));
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        out += &match chars.next() {
            Some('Y') => part(0..4),
            Some('y') => part(2..4),
            Some('m') => part(5..7),
            Some('d') => part(8..10),
            Some('e') => format!("{:>2}", part(8..10).trim_start_matches('0')),
            Some('H') => part(11..13),
            Some('M') => part(14..16),
            Some('S') => part(17..19),
            Some('F') => part(0..10),
            Some('T') => part(11..19),
            Some('R') => part(11..16),
            Some('D') => format!("{}/{}/{}", part(5..7), part(8..10), part(2..4)),
            Some('a') => weekday(unix).into(),
            Some('b' | 'h') => month.into(),
            Some('s') => unix.to_string(),
            Some('N') => format!("{:09}", ctx.now.0 % 1_000_000_000),
            Some('Z') => "UTC".into(),
            Some('z') => "+0000".into(),
            Some('n') => "\n".into(),
            Some('t') => "\t".into(),
            Some(other) => other.to_string(),
            None => "%".into(),
        };
    }
    ctx.print(out + "\n");
    0
}

/// `hostname [-i]`.
pub fn hostname(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let ip = call.args().any(|a| matches!(a, "-i" | "-I"));
    let text = match ctx.place.ip.filter(|_| ip) {
        Some(ip) => ip.to_string(),
        None => ctx.place.hostname.clone(),
    };
    ctx.print(format!("{text}\n"));
    0
}

/// `env`, `printenv [NAME]`.
pub fn env(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let names: Vec<&str> = call.args().filter(|a| !a.starts_with('-')).collect();
    if names.is_empty() {
        ctx.print(call.spec.env.iter().map(|(n, v)| format!("{n}={v}\n")).collect::<String>());
        return 0;
    }
    let mut code = 0;
    for name in names {
        match call.spec.env.get(name) {
            Some(value) => ctx.print(format!("{value}\n")),
            None => code = 1,
        }
    }
    code
}

/// `uname [-a|-r|-n|-m|-s]`.
pub fn uname(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let flags = call.split().0;
    let all = flags.contains('a');
    let parts = [
        ('s', "Linux"),
        ('n', ctx.place.hostname.as_str()),
        ('r', "6.8.0-60-generic"),
        ('v', "#63-Ubuntu SMP PREEMPT_DYNAMIC"),
        ('m', "x86_64"),
        ('o', "GNU/Linux"),
    ];
    let shown: Vec<&str> = parts
        .iter()
        .filter(|(f, _)| all || flags.contains(*f) || (flags.is_empty() && *f == 's'))
        .map(|(_, v)| *v)
        .collect();
    let line = format!("{}\n", shown.join(" "));
    ctx.print(line);
    0
}

/// `arch`.
pub fn arch(_: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    ctx.print("x86_64\n");
    0
}

/// `uptime`.
pub fn uptime(_: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let (clock, s) = (Timestamp(ctx.unix()).to_string(), ctx.now.as_secs());
    ctx.print(format!(
        " {} up {} min,  0 users,  load average: 0.08, 0.03, 0.01\n",
        clock.get(11..19).unwrap_or(""),
        s / 60
    ));
    0
}

/// `ps`.
pub fn ps(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let gnu = ctx.place.has_gnu_tools();
    let mut out =
        if gnu { "    PID TTY          TIME CMD\n".to_owned() } else { "PID   USER     TIME  COMMAND\n".to_owned() };
    let user = identity::user_name(ctx.fs.user().uid, ctx).unwrap_or_else(|| ctx.fs.user().uid.to_string());
    for process in ctx.procs {
        let (pid, command) = (process.pid, &process.command);
        out += &if gnu {
            format!("{pid:>7} ?        00:00:00 {command}\n")
        } else {
            format!("{pid:>5} {user:<9} 0:00 {command}\n")
        };
    }
    _ = call;
    ctx.print(out);
    0
}

fn base(command: &str) -> &str {
    let first = command.split(' ').next().unwrap_or("");
    first.rsplit('/').next().unwrap_or(first).trim_end_matches(':')
}

/// `pidof NAME`.
pub fn pidof(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let Some(name) = call.args().find(|a| !a.starts_with('-')) else { return 1 };
    let found: Vec<String> = ctx.procs.iter().filter(|p| base(&p.command) == name).map(|p| p.pid.to_string()).collect();
    if found.is_empty() {
        return 1;
    }
    let separator = if call.argv[0] == "pgrep" { "\n" } else { " " };
    ctx.print(format!("{}\n", found.join(separator)));
    0
}

fn signal(flag: &str) -> Option<u8> {
    crate::workload::shell::builtin::signal_number(flag.trim_start_matches('-'))
}

/// `killall [-SIGNAL] NAME`.
pub fn killall(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let number = call.args().find(|a| a.starts_with('-')).and_then(signal).unwrap_or(15);
    let Some(name) = call.args().find(|a| !a.starts_with('-')) else { return 1 };
    let found: Vec<u32> = ctx.procs.iter().filter(|p| base(&p.command) == name).map(|p| p.pid).collect();
    if found.is_empty() {
        ctx.eprint(format!("{}: {name}: no process killed\n", call.argv[0]));
        return 1;
    }
    for pid in found {
        ctx.push(Effect::Kill { pid, signal: number });
    }
    0
}

/// `kill [-SIGNAL] PID`, when it is run as a command of its own.
pub fn kill(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let number = call.args().find(|a| a.starts_with('-')).and_then(signal).unwrap_or(15);
    let mut code = 0;
    for word in call.args().filter(|a| !a.starts_with('-')) {
        match word.parse::<u32>().ok().filter(|pid| ctx.procs.iter().any(|p| p.pid == *pid)) {
            Some(pid) => {
                if number > 0 {
                    ctx.push(Effect::Kill { pid, signal: number });
                }
            }
            None => {
                ctx.eprint(format!("kill: can't kill pid {word}: No such process\n"));
                code = 1;
            }
        }
    }
    code
}

/// `which NAME…`.
pub fn which(call: &Call<'_>, ctx: &mut Ctx<'_>) -> u8 {
    let mut code = 0;
    for name in call.args().filter(|a| !a.starts_with('-')) {
        match crate::workload::registry::path_of(name, ctx.place) {
            Some(path) => ctx.print(format!("{path}\n")),
            None => code = 1,
        }
    }
    code
}
