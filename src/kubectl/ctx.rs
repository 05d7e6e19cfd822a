//! What a verb sees of the world: its arguments, the answers recorded so far, and where its output goes.

use std::fmt::Display;
use std::sync::Arc;

use serde_json::Value;

use super::api_error;
use super::args::Args;
use super::files::FileNode;
use super::follow::{Follow, Terminal};
use super::manifest::{self, Document};
use super::process::{Edited, Effect, Forward, Record, Step, StepKind};
use super::session::{Entry, KubectlConfig, NO_SERVER, certificate, named, namespace_of};
use super::timestamp;
use crate::api::http::{Chunk, HttpRequest, HttpResponse, Impersonated, StreamInput, escape_query};
use crate::sim::{Out, Time, VecMap, VecSet};

/// Why a verb stops before its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Stop {
    /// It waits for an answer, a chunk or a point in time.
    Pending,
    /// It failed.
    Fail(Failure),
    /// It is done but for a stream that goes on.
    Follow {
        /// The request that opened the stream.
        id: u64,
        /// What takes the chunks.
        follow: Box<Follow>,
        /// Whether the verb goes on after it ([`Ctx::converse`]).
        resumes: bool,
    },
}

/// The end of a failed command.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failure {
    /// What goes to standard error, with its newline.
    pub text: String,
    /// The exit code.
    pub code: u8,
}

/// A piece of output.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Text {
    /// For standard output.
    Out(String),
    /// For standard error.
    Err(String),
}

impl From<Text> for Effect {
    fn from(text: Text) -> Effect {
        match text {
            Text::Out(text) => Effect::Stdout(text),
            Text::Err(text) => Effect::Stderr(text),
        }
    }
}

/// An answered request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The number of the request.
    pub id: u64,
    /// The answer.
    pub response: Arc<HttpResponse>,
}

/// What comes next out of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// A chunk.
    Chunk(Chunk),
    /// The stream is over.
    End,
    /// The deadline passed first.
    TimedOut,
}

/// A stream that a verb reads chunk by chunk, one stream at a time.
#[derive(Clone, Debug)]
pub struct Stream {
    id: u64,
    read: u32,
    /// How much was printed before it, if a chunk is done with when the next one is asked for: it is forgotten and what it
    /// printed is out, so the verb keeps nothing of it.
    forgets: Option<u64>,
}

/// Streams that a verb reads side by side: whatever comes first is next.
#[derive(Clone, Debug)]
pub struct Streams {
    ids: Vec<u64>,
    /// How much was printed before them: what is done with is forgotten.
    printed: u64,
    /// The stream whose first chunk is being looked at.
    read: Option<usize>,
}

/// `error: message` and exit code 1; a message that ends its line itself gets no second end.
pub fn fail<T>(message: impl Display) -> Result<T, Stop> {
    let text = format!("error: {message}");
    let end = if text.ends_with('\n') { "" } else { "\n" };
    Err(Stop::Fail(Failure { text: format!("{text}{end}"), code: 1 }))
}

/// The verb's view of its process.
pub struct Ctx<'a> {
    record: &'a mut Record,
    out: &'a mut Out<Effect>,
    cursor: u32,
    clock: Time,
    seen: Time,
    printed_before: u64,
    printed: u64,
    wake: Option<Time>,
    failures: Vec<String>,
    kept: Vec<String>,
    warned: VecSet<String>,
}

impl<'a> Ctx<'a> {
    pub(super) fn new(record: &'a mut Record, printed: u64, now: Time, out: &'a mut Out<Effect>) -> Self {
        let seen = record.started;
        let warned = record.warned.clone();
        Ctx {
            record,
            out,
            cursor: 0,
            clock: now,
            seen,
            printed_before: printed,
            printed: 0,
            wake: None,
            failures: Vec::new(),
            kept: Vec::new(),
            warned,
        }
    }

    pub(super) fn finish(self) -> (u64, Option<Time>) {
        (self.printed.max(self.printed_before), self.wake)
    }

    /// The command line.
    pub fn args(&self) -> &Args {
        &self.record.args
    }

    /// The kubeconfig.
    pub fn session(&self) -> &KubectlConfig {
        &self.record.session
    }

    /// Standard input, if there is one.
    pub fn stdin(&self) -> Option<&[u8]> {
        self.record.stdin.as_deref()
    }

    /// Every file that the command line named.
    pub fn files(&self) -> &VecMap<String, FileNode> {
        &self.record.files
    }

    /// Whether objects are named by `-f` or `-k`.
    pub fn reads_objects(&self) -> bool {
        self.args().given("filename") || self.args().given("kustomize")
    }

    /// The file at this path, if the command line named it.
    pub fn file(&self, path: &str) -> Option<&FileNode> {
        self.record.files.get(path)
    }

    /// The name of the context that the command works in; empty if there is none.
    pub fn context_name(&self) -> String {
        match self.args().text("context") {
            "" => self.session().current.clone(),
            name => name.to_owned(),
        }
    }

    fn context(&self) -> Option<&Entry> {
        named(&self.session().contexts, &self.context_name())
    }

    /// The name of the user that the command is of; empty if there is none.
    pub fn user_name(&self) -> String {
        // Of these verbs it is a flag of their own.
        let path = self.args().command.path;
        let is_own = matches!(path, "create rolebinding" | "create clusterrolebinding" | "set subject");
        match self.args().text("user") {
            name if !name.is_empty() && !is_own => name.to_owned(),
            _ => self.context().map_or(String::new(), |context| context.field("user").to_owned()),
        }
    }

    /// The address of the server that the command asks.
    pub fn server(&self) -> String {
        let args = self.args();
        let cluster = match args.text("cluster") {
            "" => self.context().map_or("", |context| context.field("cluster")),
            name => name,
        };
        match (args.text("server"), named(&self.session().clusters, cluster)) {
            ("", Some(cluster)) if !cluster.field("server").is_empty() => cluster.field("server").to_owned(),
            ("", _) => NO_SERVER.into(),
            (server, _) => server.to_owned(),
        }
    }

    /// The namespace that the command works in.
    pub fn namespace(&self) -> String {
        match self.args().text("namespace") {
            "" => namespace_of(self.context()).to_owned(),
            given => given.to_owned(),
        }
    }

    /// The time of the latest answer that the verb has seen, in nanoseconds since the start.
    pub fn now(&self) -> Time {
        self.seen
    }

    /// The same as Unix time in whole seconds.
    pub fn unix_now(&self) -> i64 {
        self.session().epoch + self.seen.as_secs() as i64
    }

    /// The objects of all `-f` and `-k` arguments, parsed once; what their kustomization warns of is printed.
    pub fn documents(&mut self) -> Arc<Vec<Document>> {
        if self.record.documents.0.is_none() {
            let (parsed, warnings) = manifest::read(self);
            self.record.documents.0 = Some(Arc::new(parsed));
            self.record.remarks.0 = Some(Arc::new(warnings));
        }
        for warning in self.record.remarks.0.clone().iter().flat_map(|warnings| warnings.iter()) {
            self.print_err(format!("{warning}\n"));
        }
        self.record.documents.0.clone().expect("the documents were set above")
    }

    /// Prints on standard output.
    pub fn print(&mut self, text: impl Into<String>) {
        self.emit(Text::Out(text.into()));
    }

    /// Prints on standard error.
    pub fn print_err(&mut self, text: impl Into<String>) {
        self.emit(Text::Err(text.into()));
    }

    fn emit(&mut self, text: Text) {
        self.once(text.into());
    }

    /// Sends something on the stream of a request.
    pub fn send(&mut self, id: u64, input: StreamInput) {
        self.once(Effect::Input { id, input });
    }

    /// Writes one of the terminal's files, or makes a folder.
    pub fn write_file(&mut self, path: &str, data: Option<Vec<u8>>) {
        self.once(Effect::Write { path: path.to_owned(), data });
    }

    /// Lets connections to these ports through, until the command ends.
    pub fn listen(&mut self, forwards: Vec<Forward>) {
        self.once(Effect::Listen(forwards));
    }

    fn once(&mut self, effect: Effect) {
        self.printed += 1;
        if self.printed > self.printed_before {
            self.out.push(effect);
        }
    }

    /// Sends a request and gives its answer, whatever its code.
    pub fn request(&mut self, request: HttpRequest) -> Result<Answer, Stop> {
        let verbosity = self.args().int("v");
        let line = (verbosity >= 6).then(|| (request.method.as_str(), self.url(&request)));
        let cursor = self.cursor as usize;
        self.cursor += 1;
        if cursor == self.record.steps.len() {
            let id = self.record.next_id;
            self.record.next_id += 1;
            self.record.steps.push(Step { id, kind: StepKind::Asked(self.clock) });
            let mut request = request;
            request.user_agent = USER_AGENT.into();
            request.impersonate = self.impersonated()?;
            self.authenticate(&mut request);
            self.out.push(Effect::Request { id, request });
            return Err(Stop::Pending);
        }
        let step = &self.record.steps[cursor];
        let StepKind::Answered { asked, at, response, .. } = &step.kind else { return Err(Stop::Pending) };
        // What is asked raw is told raw.
        let is_raw = self.args().flag("raw").is_some() && !self.args().text("raw").is_empty();
        let told = if is_raw { None } else { api_error::generic(&request, response) };
        let answer = Answer { id: step.id, response: told.map_or_else(|| response.clone(), Arc::new) };
        let millis = at.since(*asked).as_millis();
        self.seen = *at;
        if let Some((verb, url)) = line {
            self.log_response(verb, &url, answer.response.code, millis);
        }
        for warning in &answer.response.warnings {
            // Each warning is printed once in a command, whatever brings it.
            if self.warned.insert(warning.clone()) {
                self.print_err(format!("Warning: {warning}\n"));
            }
        }
        Ok(answer)
    }

    /// Says who asks: by a token, by the administrator's certificate, or not at all.
    fn authenticate(&self, request: &mut HttpRequest) {
        let name = self.user_name();
        let user = named(&self.session().users, &name);
        let field = |name: &str| user.map_or("", |user| user.field(name));
        let token = match self.args().text("token") {
            "" => field("token"),
            token => token,
        };
        if !token.is_empty() {
            request.bearer = Some(token.to_owned());
        } else if !field("username").is_empty() {
            // A password is nothing that the server takes.
            request.bearer = Some(String::new());
        } else if !matches!(field("client-certificate-data"), own if own.is_empty() || own == certificate()) {
            // Nobody has signed it.
            request.bearer = Some(String::new());
        } else if field("client-certificate-data").is_empty() && request.impersonate.is_none() {
            let groups = vec!["system:unauthenticated".to_owned()];
            request.impersonate = Some(Impersonated { user: "system:anonymous".into(), groups });
        }
    }

    /// As whom `--as` and `--as-group` have the command run.
    fn impersonated(&self) -> Result<Option<Impersonated>, Stop> {
        let (user, groups) = (self.args().text("as").to_owned(), self.args().list("as-group"));
        match (user.is_empty(), groups.is_empty()) {
            (true, true) => Ok(None),
            (true, false) => {
                let user = self.user_name();
                fail(format!("requesting uid, groups or user-extra for {user} without impersonating a user"))
            }
            (false, _) => Ok(Some(Impersonated { user, groups })),
        }
    }

    fn log_response(&mut self, verb: &str, url: &str, code: u16, millis: u64) {
        let stamp = timestamp::klog(self.session().epoch, self.seen);
        let status = api_error::status_line(code);
        self.print_err(format!(
            "I{stamp}       1 round_trippers.go:632] \"Response\" verb=\"{verb}\" url=\"{url}\" status=\"{status}\" milliseconds={millis}\n"
        ));
    }

    /// The address of a request with its query.
    pub fn url(&self, request: &HttpRequest) -> String {
        let mut url = format!("{}{}", self.server(), request.path);
        for (i, (name, value)) in request.query.iter().enumerate() {
            url.push(if i == 0 { '?' } else { '&' });
            url.push_str(&format!("{name}={}", escape_query(value)));
        }
        url
    }

    /// Sends a request and gives its JSON body; a failure ends the command in upstream's words.
    pub fn json(&mut self, request: HttpRequest) -> Result<Value, Stop> {
        let answer = self.request(request)?;
        api_error::body_or_stop(&answer.response)
    }

    /// Opens a stream; its refusal ends the command.
    pub fn stream(&mut self, request: HttpRequest) -> Result<Stream, Stop> {
        let answer = self.request(request)?;
        if !answer.response.is_success() {
            return Err(api_error::stop(&answer.response));
        }
        Ok(Stream { id: answer.id, read: 0, forgets: Some(self.printed) })
    }

    /// The stream that an answer began; all of it is kept.
    pub fn stream_of(&self, answer: &Answer) -> Stream {
        Stream { id: answer.id, read: 0, forgets: None }
    }

    /// Gives a text to the editor; what it became.
    pub fn edit(&mut self, file: &str, text: &str) -> Result<Edited, Stop> {
        let cursor = self.cursor as usize;
        self.cursor += 1;
        if cursor == self.record.steps.len() {
            let id = self.record.next_id;
            self.record.next_id += 1;
            self.record.steps.push(Step { id, kind: StepKind::Editing });
            self.out.push(Effect::Edit { file: file.to_owned(), text: text.to_owned() });
            return Err(Stop::Pending);
        }
        match &self.record.steps[cursor].kind {
            StepKind::Edited(edited) => Ok(edited.clone()),
            _ => Err(Stop::Pending),
        }
    }

    /// Hands the terminal over to a stream until that ends. The answer may be a refusal.
    pub fn converse(&mut self, request: HttpRequest, terminal: Terminal) -> Result<Answer, Stop> {
        let answer = self.request(request)?;
        if answer.response.is_success() && !self.record.has_ended(answer.id) {
            return Err(Stop::Follow { id: answer.id, follow: Box::new(Follow::Exec(terminal)), resumes: true });
        }
        Ok(answer)
    }

    /// The next chunk of a stream, waiting for it until the deadline.
    pub fn next(&mut self, stream: &mut Stream, deadline: Option<Time>) -> Result<Next, Stop> {
        let step = self.record.steps.iter_mut().find(|s| s.id == stream.id).map(|s| &mut s.kind);
        let Some(StepKind::Answered { response, chunks, .. }) = step else { return Err(Stop::Pending) };
        if let Some(printed) = stream.forgets.filter(|_| stream.read > 0) {
            chunks.remove(0);
            stream.read = 0;
            (self.printed, self.printed_before) = (printed, printed);
        }
        let (streams, next) = (response.streams, chunks.get(stream.read as usize).cloned());
        match (next, deadline) {
            (Some((at, _)), Some(deadline)) if at >= deadline => {
                self.seen = deadline;
                Ok(Next::TimedOut)
            }
            (Some((at, chunk)), _) => {
                self.seen = at;
                stream.read += 1;
                Ok(if chunk == Chunk::End { Next::End } else { Next::Chunk(chunk) })
            }
            (None, Some(deadline)) if self.clock >= deadline => {
                self.seen = deadline;
                Ok(Next::TimedOut)
            }
            (None, _) if !streams => Ok(Next::End),
            (None, deadline) => {
                self.wake = deadline;
                Err(Stop::Pending)
            }
        }
    }

    /// The streams that these answers began.
    pub fn streams_of(&self, answers: &[Answer]) -> Streams {
        Streams { ids: answers.iter().map(|answer| answer.id).collect(), printed: self.printed, read: None }
    }

    /// The next chunk of any of these streams and which one it is of, or `None` after the end of the last.
    pub fn next_of(&mut self, streams: &mut Streams) -> Result<Option<(usize, Chunk)>, Stop> {
        if let Some(read) = streams.read.take() {
            if let Some((_, chunks)) = self.chunks(streams.ids[read]) {
                chunks.remove(0);
            }
            (self.printed, self.printed_before) = (streams.printed, streams.printed);
        }
        let mut first: Option<(Time, usize, Chunk)> = None;
        let mut goes_on = false;
        for (i, id) in streams.ids.iter().enumerate() {
            let Some((streaming, chunks)) = self.chunks(*id) else { continue };
            match chunks.first() {
                // It stays where it is, so that the stream is over whenever the verb runs again.
                Some((_, Chunk::End)) => {}
                Some((at, chunk)) if first.as_ref().is_none_or(|(earliest, ..)| at < earliest) => {
                    first = Some((*at, i, chunk.clone()));
                }
                Some(_) => {}
                None => goes_on |= streaming,
            }
        }
        match first {
            Some((at, i, chunk)) => {
                self.seen = at;
                streams.read = Some(i);
                Ok(Some((i, chunk)))
            }
            None if goes_on => Err(Stop::Pending),
            None => Ok(None),
        }
    }

    /// Whether the answer of this number goes on, and what has come after it.
    fn chunks(&mut self, id: u64) -> Option<(bool, &mut Vec<(Time, Chunk)>)> {
        match &mut self.record.steps.iter_mut().find(|step| step.id == id)?.kind {
            StepKind::Answered { response, chunks, .. } => Some((response.streams, chunks)),
            _ => None,
        }
    }

    /// Waits until this point in time.
    pub fn sleep_until(&mut self, until: Time) -> Result<(), Stop> {
        let cursor = self.cursor as usize;
        self.cursor += 1;
        if cursor == self.record.steps.len() {
            let id = self.record.next_id;
            self.record.next_id += 1;
            self.record.steps.push(Step { id, kind: StepKind::Sleep(until) });
        }
        if self.clock < until {
            self.wake = Some(until);
            return Err(Stop::Pending);
        }
        self.seen = self.seen.max(until);
        Ok(())
    }

    /// Runs `body` once for each of `count` items. A finished item is committed: what it waited for is forgotten and it
    /// never runs again. At most one such loop per verb, and what `body` wants to keep goes to
    /// [`Ctx::note_failure`] or [`Ctx::keep`].
    pub fn each(&mut self, count: u32, mut body: impl FnMut(&mut Self, u32) -> Result<(), Stop>) -> Result<(), Stop> {
        let (base, prefix) = (self.cursor as usize, self.printed);
        let (failed, kept) = (self.failures.len(), self.kept.len());
        while self.record.committed < u64::from(count) {
            let item = self.record.committed as u32;
            body(self, item)?;
            self.record.committed += 1;
            self.record.failures.extend(self.failures.drain(failed..));
            self.record.kept.extend(self.kept.drain(kept..));
            self.record.warned.clone_from(&self.warned);
            self.record.steps.drain(base..self.cursor as usize);
            self.record.started = self.record.started.max(self.seen);
            self.cursor = base as u32;
            self.printed = prefix;
            self.printed_before = prefix;
        }
        self.seen = self.seen.max(self.record.started);
        Ok(())
    }

    /// Remembers an error of one item; the verb reports all of them at its end.
    pub fn note_failure(&mut self, text: impl Into<String>) {
        self.failures.push(text.into());
    }

    /// The errors of all items so far.
    pub fn failures(&self) -> Vec<String> {
        self.record.failures.iter().chain(&self.failures).cloned().collect()
    }

    /// Remembers a word of one item.
    pub fn keep(&mut self, word: impl Into<String>) {
        self.kept.push(word.into());
    }

    /// The words of all items so far.
    pub fn kept(&self) -> Vec<String> {
        self.record.kept.iter().chain(&self.kept).cloned().collect()
    }
}

/// How kubectl names itself to the server.
pub const USER_AGENT: &str = "kubectl/v1.36.2 (linux/amd64) kubernetes/kubarium";
