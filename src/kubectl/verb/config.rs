//! `kubectl config`: the clusters, users and contexts of the kubeconfig.
//!
//! Models `k8s.io/kubectl/pkg/cmd/config`.

use super::{common, help};
use crate::api::yaml::to_yaml;
use crate::kubectl::ctx::{Ctx, Failure, Stop, fail};
use crate::kubectl::print::columns::Columns;
use crate::kubectl::print::output::{self, Output};
use crate::kubectl::session::{Entry, KubectlConfig, named, named_mut};

/// The fields that an entry of each part may have.
const FIELDS: &[(&str, &[&str])] = &[
    (
        "clusters",
        &[
            "server",
            "tls-server-name",
            "insecure-skip-tls-verify",
            "certificate-authority",
            "certificate-authority-data",
            "proxy-url",
        ],
    ),
    (
        "users",
        &[
            "client-certificate",
            "client-certificate-data",
            "client-key",
            "client-key-data",
            "token",
            "tokenFile",
            "username",
            "password",
        ],
    ),
    ("contexts", &["cluster", "user", "namespace"]),
];

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let words = ctx.args().words.clone();
    let mut config = ctx.session().clone();
    // A file that is not there is made.
    if !config.broken.is_empty() && !config.broken.starts_with("stat ") {
        return fail(config.broken);
    }
    let file = config.path().to_owned();
    let said = match (ctx.args().command.path, words.as_slice()) {
        ("config", []) => return help::run(ctx),
        ("config", [word, ..]) => return common::usage(ctx, &format!("unknown command {word:?}")),
        ("config view", []) => return view(ctx, &config),
        ("config view", words) => {
            return common::usage(ctx, &format!("unexpected arguments: [{}]", words.join(" ")));
        }
        ("config current-context", _) if config.current.is_empty() => return fail("current-context is not set"),
        ("config current-context", _) => format!("{}\n", config.current),
        ("config get-clusters", _) => names(&config.clusters),
        ("config get-users", _) => names(&config.users),
        ("config get-contexts", words) => return contexts(ctx, &config, words),
        ("config use-context", [name]) => {
            if named(&config.contexts, name).is_none() {
                return fail(format!("no context exists with the name: {name:?}"));
            }
            config.current.clone_from(name);
            format!("Switched to context {name:?}.\n")
        }
        ("config set-context", words) => set_context(ctx, &mut config, words)?,
        ("config set-cluster", [name]) => set_cluster(ctx, &mut config, name)?,
        ("config set-credentials", [name]) => set_credentials(ctx, &mut config, name)?,
        ("config delete-context", [name]) => {
            remove(&mut config.contexts, ("context", name), &file)?;
            if config.current == *name {
                let hint = "use \"kubectl config use-context\" to select a different one";
                ctx.print_err(format!("warning: this removed your active context, {hint}\n"));
            }
            format!("deleted context {name} from {file}\n")
        }
        ("config delete-cluster", [name]) => remove(&mut config.clusters, ("cluster", name), &file)?,
        ("config delete-user", [name]) => remove(&mut config.users, ("user", name), &file)?,
        ("config rename-context", [from, to]) => rename(&mut config, from, to)?,
        ("config set", [path, value]) => {
            set(&mut config, path, Some(value))?;
            format!("Property {path:?} set.\n")
        }
        ("config unset", [path]) => {
            set(&mut config, path, None)?;
            format!("Property {path:?} unset.\n")
        }
        (_, words) => return unexpected(ctx, words),
    };
    if config != *ctx.session() {
        if config.paths.len() > 1 {
            return fail("KUBECONFIG names several files, and here only one is written to: name it with --kubeconfig");
        }
        ctx.write_file(config.path(), Some(config.text().into_bytes()));
    }
    ctx.print(said);
    Ok(0)
}

/// The help, and what was wrong.
fn unexpected<T>(ctx: &mut Ctx<'_>, words: &[String]) -> Result<T, Stop> {
    let help = help::text(ctx.args().command);
    let text = format!("{help}error: Unexpected args: [{}]\n", words.join(" "));
    Err(Stop::Fail(Failure { text, code: 1 }))
}

fn names(entries: &[Entry]) -> String {
    std::iter::once("NAME").chain(entries.iter().map(|entry| entry.name.as_str())).map(|l| format!("{l}\n")).collect()
}

fn contexts(ctx: &mut Ctx<'_>, config: &KubectlConfig, words: &[String]) -> Result<u8, Stop> {
    let form = ctx.args().text("output").to_owned();
    if !matches!(form.as_str(), "" | "name") {
        return fail(format!(
            "--output {form} is not available in kubectl config get-contexts; resetting to default output format"
        ));
    }
    let mut columns = Columns::for_tables();
    if form.is_empty() && !ctx.args().bool("no-headers") {
        columns.write("CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n");
    }
    let mut shown: Vec<&Entry> = Vec::new();
    match words {
        [] => shown.extend(&config.contexts),
        words => {
            for word in words {
                match named(&config.contexts, word) {
                    Some(entry) => shown.push(entry),
                    None => ctx.note_failure(format!("error: context {word} not found\n")),
                }
            }
        }
    }
    shown.sort_by_key(|entry| &entry.name);
    for entry in shown {
        let mark = if entry.name == config.current { "*" } else { "" };
        let [cluster, user, namespace] = ["cluster", "user", "namespace"].map(|field| entry.field(field));
        columns.write(&match form.as_str() {
            "name" => format!("{}\n", entry.name),
            _ => format!("{mark}\t{}\t{cluster}\t{user}\t{namespace}\n", entry.name),
        });
    }
    ctx.print(columns.flush());
    common::end_with_failures(ctx)
}

fn view(ctx: &mut Ctx<'_>, config: &KubectlConfig) -> Result<u8, Stop> {
    let (mut config, args) = (config.clone(), ctx.args());
    let raw = args.bool("raw") || args.bool("flatten");
    if args.bool("minify") {
        let name = ctx.context_name();
        let Some(context) = named(&config.contexts, &name).cloned() else {
            return match name.as_str() {
                "" => fail("current-context must exist in order to minify"),
                name => fail(format!("cannot locate context {name}")),
            };
        };
        for (part, entries) in [("cluster", &config.clusters), ("user", &config.users)] {
            let name = context.field(part);
            if !name.is_empty() && named(entries, name).is_none() {
                return fail(format!("cannot locate {part} {name}"));
            }
        }
        config.clusters.retain(|entry| entry.name == context.field("cluster"));
        config.users.retain(|entry| entry.name == context.field("user"));
        config.contexts = vec![context];
        config.current = name;
    }
    let all = config.written(raw);
    match output::parse(ctx)? {
        Output::Yaml => ctx.print(to_yaml(&all)),
        output => output.show(ctx, &all)?,
    }
    Ok(0)
}

/// Puts the flags that were given into an entry; an empty one is taken out.
fn put(ctx: &Ctx<'_>, entry: &mut Entry, flags: &[&str]) {
    for flag in flags.iter().filter(|flag| ctx.args().given(flag)) {
        match ctx.args().text(flag) {
            "" | "false" => drop(entry.fields.remove(*flag)),
            value => drop(entry.fields.insert((*flag).to_owned(), value.to_owned())),
        }
    }
}

fn set_context(ctx: &mut Ctx<'_>, config: &mut KubectlConfig, words: &[String]) -> Result<String, Stop> {
    let name = match (words, ctx.args().bool("current")) {
        ([_], true) => return fail("you cannot specify both a context name and --current"),
        ([name], false) => name.clone(),
        ([], true) if config.current.is_empty() => return fail("no current context is set"),
        ([], true) => config.current.clone(),
        ([], false) => return fail("you must specify a non-empty context name or --current"),
        (words, _) => return unexpected(ctx, words),
    };
    let (entry, there) = named_mut(&mut config.contexts, &name);
    put(ctx, entry, &["cluster", "user", "namespace"]);
    Ok(format!("Context {name:?} {}.\n", if there { "modified" } else { "created" }))
}

fn set_cluster(ctx: &mut Ctx<'_>, config: &mut KubectlConfig, name: &str) -> Result<String, Stop> {
    if ctx.args().given("certificate-authority") {
        return fail(
            "--certificate-authority is not supported here: nothing of this terminal is checked against a file",
        );
    }
    let (entry, _) = named_mut(&mut config.clusters, name);
    put(ctx, entry, &["server", "insecure-skip-tls-verify", "tls-server-name", "proxy-url"]);
    Ok(format!("Cluster {name:?} set.\n"))
}

fn set_credentials(ctx: &mut Ctx<'_>, config: &mut KubectlConfig, name: &str) -> Result<String, Stop> {
    let args = ctx.args();
    let basic = !args.text("username").is_empty() || !args.text("password").is_empty();
    if basic && !args.text("token").is_empty() {
        return fail(
            "you cannot specify more than one authentication method at the same time: --token, --username/--password",
        );
    }
    if let Some(other) = ["auth-provider", "client-certificate", "client-key", "exec-command"]
        .iter()
        .find(|flag| !args.text(flag).is_empty())
    {
        return fail(format!("--{other} is not supported here: a token is what another user of this terminal has"));
    }
    let (entry, _) = named_mut(&mut config.users, name);
    put(ctx, entry, &["token", "username", "password"]);
    // Who says a token has no password any more, and the other way round.
    for flag in if basic { &["token"][..] } else { &["username", "password"] } {
        if basic || ctx.args().given("token") {
            entry.fields.remove(*flag);
        }
    }
    Ok(format!("User {name:?} set.\n"))
}

fn remove(entries: &mut Vec<Entry>, (what, name): (&str, &str), file: &str) -> Result<String, Stop> {
    match entries.iter().position(|entry| entry.name == name) {
        Some(at) => drop(entries.remove(at)),
        None => return fail(format!("cannot delete {what} {name}, not in {file}")),
    }
    Ok(format!("deleted {what} {name} from {file}\n"))
}

fn rename(config: &mut KubectlConfig, from: &str, to: &str) -> Result<String, Stop> {
    let file = config.path().to_owned();
    let Some(at) = config.contexts.iter().position(|entry| entry.name == from) else {
        return fail(format!("cannot rename the context {from:?}, it's not in {file}"));
    };
    if named(&config.contexts, to).is_some() {
        return fail(format!("cannot rename the context {from:?}, the context {to:?} already exists in {file}"));
    }
    let entry = config.contexts.remove(at);
    *named_mut(&mut config.contexts, to).0 = Entry { name: to.to_owned(), ..entry };
    if config.current == from {
        to.clone_into(&mut config.current);
    }
    Ok(format!("Context {from:?} renamed to {to:?}.\n"))
}

/// `set` and `unset`: a path like `contexts.dev.namespace`, whose middle may have dots.
fn set(config: &mut KubectlConfig, path: &str, value: Option<&str>) -> Result<(), Stop> {
    if path == "current-context" {
        value.unwrap_or("").clone_into(&mut config.current);
        return Ok(());
    }
    let (part, rest) = path.split_once('.').unwrap_or((path, ""));
    let Some((_, fields)) = FIELDS.iter().find(|(name, _)| *name == part) else {
        return fail(format!("unable to parse {path} after [] at api.Config"));
    };
    let entries = match part {
        "clusters" => &mut config.clusters,
        "users" => &mut config.users,
        _ => &mut config.contexts,
    };
    let split = rest.rsplit_once('.').filter(|(_, field)| fields.contains(field));
    match (split, value) {
        (Some((name, field)), Some(value)) => {
            named_mut(entries, name).0.fields.insert(field.to_owned(), value.to_owned());
        }
        (Some((name, field)), None) => {
            if let Some(entry) = entries.iter_mut().find(|entry| entry.name == name) {
                entry.fields.remove(field);
            }
        }
        (None, None) => entries.retain(|entry| !rest.is_empty() && entry.name != rest),
        (None, Some(_)) => {
            return fail(format!("can't set {path}: there is no such field; it has {}", fields.join(", ")));
        }
    }
    Ok(())
}
