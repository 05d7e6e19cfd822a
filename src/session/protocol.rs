//! What the page and the worker say to each other: requests in, updates out.
//!
//! Both ends are built together; [`VERSION`] goes in front of every message so that a stale cached half is noticed instead
//! of misunderstood. A frame is the version, then postcard. Nothing here is ever put into a link or a file.
//!
//! The worker answers every [`Request::Tick`] with at least [`Update::Clock`], and sends other views only when they are
//! wanted ([`Request::Want`]) and have changed.

mod clock;
mod packet;
mod sharing;

pub use clock::{BranchRequest, ClockRequest, ClockView, CompareWant, Speed, TimelineWant, Toward};
pub use packet::{EndpointRef, PacketRequest};

use serde::{Deserialize, Serialize};

use crate::sim::{Digest, EventId, Time};
use crate::view::{
    BranchName, BranchView, ClusterDelta, CompareView, DetailView, EtcdView, HaView, KnownField, LessonTitle,
    LessonView, Locale, MessagesView, ObjectRef, ObjectsView, PacketId, PacketListView, PacketView, Place, Said,
    SceneTitle, SchedulerView, SuggestView, TimelineView, WhyView, WorkshopView,
};

pub use sharing::{Difference, LinkError, Part, ShareWhat, Sharing, ShownView, WorkshopRequest};

/// The version of this protocol; raised with every change.
pub const VERSION: u8 = 7;

/// What the page asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// The first request: how to start. Sent again, it starts anew.
    Boot {
        /// With what.
        boot: Boot,
        /// The language of lessons.
        locale: Locale,
    },
    /// The language has changed.
    Locale(Locale),
    /// A line of the terminal, exactly as typed; may hold several lines (a paste, a here-document). Text that is not
    /// complete yet (an open quote or here-document, a backslash at the end) is answered with [`Prompt::More`], and the next
    /// `Run` continues it.
    Run {
        /// The text.
        line: String,
    },
    /// Ctrl-C: ends what runs in the terminal, forgets an incomplete line.
    Interrupt,
    /// What could stand at the cursor.
    Complete {
        /// The line so far.
        line: String,
        /// The cursor, in bytes.
        cursor: u32,
        /// Given back in the answer.
        ticket: u32,
    },
    /// Applies the text of the editor, as `kubectl apply -f -` would; the output goes to the terminal.
    Apply {
        /// The text.
        yaml: String,
    },
    /// What became of the text that [`Update::Editing`] gave; unchanged, it cancels the edit.
    Edited {
        /// The text.
        text: String,
    },
    /// Looks the text of the editor over without changing anything; answered by [`Update::Diagnostics`].
    Validate {
        /// The text.
        yaml: String,
        /// Given back in the answer.
        ticket: u32,
    },
    /// What could stand at a place of the editor's text; answered by [`Update::Suggested`].
    Suggest {
        /// The text.
        yaml: String,
        /// The line, from 1.
        line: u32,
        /// So many characters of it are before the cursor.
        before: u32,
        /// Given back in the answer.
        ticket: u32,
    },
    /// What is known of the field that a line of the editor's text is about; answered by [`Update::Described`].
    Describe {
        /// The text.
        yaml: String,
        /// The line, from 1.
        line: u32,
        /// Given back in the answer.
        ticket: u32,
    },
    /// Moves the clock.
    Clock(ClockRequest),
    /// Something about branches.
    Branch(BranchRequest),
    /// Wall-clock time has passed while the page was shown.
    Tick {
        /// In microseconds; at most a tenth of a second is believed.
        elapsed_us: u32,
    },
    /// Which views are shown, and how much of them. Replaces what was wanted before.
    Want(Box<Want>),
    /// Sends a packet and follows it; if it is only tried, answered by [`Update::Tried`].
    SendPacket(PacketRequest),
    /// Injects a fault: the words after `!fault`.
    Fault {
        /// `partition worker1`.
        words: String,
    },
    /// Something about lessons.
    Lesson(LessonRequest),
    /// Makes a share link; answered by [`Update::Link`].
    MakeLink(Box<Sharing>),
    /// Opens the text of a file: a link, or a lesson. Answered by [`Update::Ready`], or by [`Update::Refused`], which leaves
    /// everything as it was.
    Open(String),
    /// Something about the lesson that is being written.
    Workshop(WorkshopRequest),
    /// Remembers how the world came about; answered by [`Update::Saved`]. Whatever is done is saved unasked.
    Save,
    /// Everything that was made, as manifests; answered by [`Update::File`].
    SaveManifests,
    /// A configuration for kind with as many nodes; answered by [`Update::File`].
    SaveKind,
    /// Captures as pcapng everything that was followed; answered by [`Update::File`].
    SavePackets {
        /// The packet whose conversation is wanted; `None` for all.
        of: Option<PacketId>,
    },
}

impl Request {
    /// Whether it only asks about the text of the editor.
    pub fn only_reads(&self) -> bool {
        matches!(self, Request::Validate { .. } | Request::Suggest { .. } | Request::Describe { .. })
    }
}

/// How to start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Boot {
    /// A new cluster: the words after `!cluster` (`nodes=3 seed=7`), empty for the usual one.
    Fresh(String),
    /// The fragment of a share link, without `#`.
    Link(String),
    /// What this browser saved last: like a link, but time goes on, and the branches are there.
    Saved(String),
    /// A scene, by its name.
    Scene(String),
    /// The same run as before, from its last checkpoint, after it broke.
    Checkpoint,
}

/// Something about lessons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LessonRequest {
    /// Opens one, starting its scenario anew.
    Open(String),
    /// Opens one on the cluster as it is.
    Join(String),
    /// Closes the one that is open.
    Close,
    /// Shows the next hint of the current step.
    Hint,
    /// Shows the solution of the current step.
    Solution,
    /// Goes to that step (an earlier one, or the next after a met one), and begins it again.
    Step(u16),
    /// Predicts what the current step's question asks: the number of the option, from 0.
    Answer(u16),
    /// Takes over what was done before, as the browser kept it or as a file says.
    Import(String),
    /// The text of the last lesson that was not one of ours, English and Chinese, as the browser kept it.
    Keep(Option<String>, Option<String>),
}

/// The parts of the details that are only made while somebody looks at them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailParts {
    /// The text of `kubectl describe`.
    pub describe: bool,
    /// The changes of an object.
    pub changes: bool,
}

/// Which views are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Want {
    /// The picture of the cluster.
    pub cluster: bool,
    /// Messages under way.
    pub messages: bool,
    /// The selected thing.
    pub detail: Option<Selection>,
    /// Which parts of it are looked at.
    pub parts: DetailParts,
    /// etcd.
    pub etcd: Option<EtcdWant>,
    /// The control plane.
    pub ha: bool,
    /// The scheduler.
    pub scheduler: Option<SchedulerWant>,
    /// Tables of objects.
    pub objects: Option<ObjectsWant>,
    /// The list of packets.
    pub packets: bool,
    /// One packet.
    pub packet: Option<PacketId>,
    /// The timeline.
    pub timeline: Option<TimelineWant>,
    /// Two moments beside each other.
    pub compare: Option<CompareWant>,
    /// A chain of causes.
    pub why: Option<EventId>,
    /// The open lesson and the list.
    pub lesson: bool,
}

/// What is selected.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Selection {
    /// An object.
    Object(ObjectRef),
    /// A process, node, pod's network, the client.
    Place(Place),
}

/// How much of etcd.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtcdWant {
    /// Only keys with this prefix.
    pub prefix: String,
    /// The key whose history is shown.
    pub key: Option<String>,
    /// At most so many keys.
    pub limit: u32,
}

/// How much of the scheduler.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulerWant {
    /// Only decisions about this pod.
    pub pod: Option<ObjectRef>,
    /// The decision of that time in full; `None` for the last one.
    pub at: Option<Time>,
    /// What would be decided about the pod if it, or nodes, were different: what is different, in YAML.
    pub what_if: Option<String>,
    /// At most so many decisions in the list.
    pub limit: u32,
}

/// Which objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectsWant {
    /// The kind: `deployments`.
    pub plural: String,
    /// Only objects with this text in their namespace or in a cell.
    pub filter: String,
    /// At most so many rows.
    pub limit: u32,
}

/// What the worker tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Update {
    /// The cluster runs and can be spoken to.
    Ready {
        /// What it runs: the words after `!cluster`, every key given.
        scenario: String,
        /// Upstream's version: `v1.36.2`.
        version: String,
        /// Why a link could not be opened (a fresh cluster was started instead).
        refused: Option<LinkError>,
    },
    /// Long work is under way.
    Busy {
        /// What.
        what: Work,
        /// In thousandths; 1000 when done.
        done: u16,
    },
    /// The clock.
    Clock(ClockView),
    /// The picture has changed.
    Cluster(Box<ClusterDelta>),
    /// Messages since the last update.
    Messages(MessagesView),
    /// The terminal printed something, or its prompt has changed.
    Terminal(TerminalUpdate),
    /// What `kubectl edit` has given to the editor, or that it waits no more.
    Editing(Option<String>),
    /// An answer to [`Request::Complete`].
    Completion {
        /// The ticket of the request.
        ticket: u32,
        /// Where the word begins that a candidate replaces, in bytes.
        from: u32,
        /// Candidates in order.
        candidates: Vec<String>,
    },
    /// The selected thing.
    Detail(#[serde(with = "apart")] Option<Box<DetailView>>),
    /// etcd.
    Etcd(#[serde(with = "apart")] Box<EtcdView>),
    /// The control plane.
    Ha(#[serde(with = "apart")] Box<HaView>),
    /// The scheduler.
    Scheduler(#[serde(with = "apart")] Box<SchedulerView>),
    /// Tables of objects.
    Objects(#[serde(with = "apart")] Box<ObjectsView>),
    /// The list of packets.
    Packets(#[serde(with = "apart")] Box<PacketListView>),
    /// The wanted packet.
    Packet(#[serde(with = "apart")] Option<Box<PacketView>>),
    /// A packet was sent for the learner: show it.
    Followed(PacketId),
    /// The packet that was tried; the words of the tool if it sends none.
    Tried(#[serde(with = "apart")] Result<Box<PacketView>, String>),
    /// The timeline.
    Timeline(#[serde(with = "apart")] Box<TimelineView>),
    /// What differs between the wanted moments.
    Compare(#[serde(with = "apart")] Box<CompareView>),
    /// Something was done in the past.
    Forked {
        /// The future that was, which is kept as a branch.
        kept: BranchView,
        /// The branch that had to go, because there are too many.
        dropped: Option<BranchName>,
    },
    /// What time ran on for did not come.
    Unreached(Toward),
    /// The wanted chain; `None` if its event is forgotten.
    Why(#[serde(with = "apart")] Option<Box<WhyView>>),
    /// What of the lessons is done, as text to be kept or saved.
    Progress {
        /// `kubarium lessons 1`, then a line each: the lesson and how many of its steps are done.
        text: String,
        /// Whether what was to be imported was no such text; nothing of it was taken over then.
        refused: bool,
    },
    /// The lessons that there are.
    Lessons(Vec<LessonTitle>),
    /// The scenes that there are.
    Scenes(Vec<SceneTitle>),
    /// The open lesson.
    Lesson(#[serde(with = "apart")] Option<Box<LessonView>>),
    /// The text of the open lesson, which is not one of ours, to be kept: English and Chinese.
    Text(Option<String>, Option<String>),
    /// The lesson that is being written has this text now.
    Draft(String),
    /// What is known of the lesson that is being written.
    Workshop(#[serde(with = "apart")] Box<WorkshopView>),
    /// What was wrong when it was played, a line each; empty if nothing was.
    Rehearsed(Vec<Said>),
    /// What is to be shown beside what was opened.
    Shown(#[serde(with = "apart")] Box<ShownView>),
    /// What was opened came out otherwise than in the release that made it.
    Differs {
        /// That release.
        release: String,
        /// What is otherwise.
        kinds: Vec<Difference>,
    },
    /// What was to be opened cannot be; everything is as it was.
    Refused(LinkError),
    /// An answer to [`Request::Validate`], or what was wrong with an [`Request::Apply`].
    Diagnostics {
        /// The ticket of the request; 0 after an apply.
        ticket: u32,
        /// In the order of the text; empty if all is well.
        found: Vec<Diagnostic>,
    },
    /// An answer to [`Request::Suggest`].
    Suggested {
        /// The ticket of the request.
        ticket: u32,
        /// What could stand there.
        #[serde(with = "apart")]
        view: SuggestView,
    },
    /// An answer to [`Request::Describe`].
    Described {
        /// The ticket of the request.
        ticket: u32,
        /// What is known; `None` if there is no such field.
        #[serde(with = "apart")]
        field: Option<KnownField>,
    },
    /// A share link.
    Link {
        /// Its fragment, without `#`.
        link: String,
        /// The digest of the state that it leads to.
        digest: Digest,
    },
    /// How the world came about, to be kept by this browser: the fragment of a link; more lines where there are branches.
    Saved(String),
    /// A file for the learner's disk.
    File {
        /// Its name.
        name: String,
        /// Its content.
        bytes: Vec<u8>,
    },
    /// An invariant broke; the simulation stands. [`Boot::Checkpoint`] goes on.
    Broken {
        /// What broke.
        what: String,
        /// The fragment of a link that reproduces it.
        link: String,
    },
}

/// Work that takes long enough to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Work {
    /// The cluster starts.
    Booting,
    /// A link is replayed.
    Replaying,
    /// Another moment is sought.
    Seeking,
}

/// What the terminal shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalUpdate {
    /// Whether everything before is to be cleared first (`clear`).
    pub clear: bool,
    /// What was printed, in order.
    pub chunks: Vec<Chunk>,
    /// The prompt.
    pub prompt: Prompt,
}

/// A piece of output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Where it was printed.
    pub stream: Stream,
    /// The text; not necessarily whole lines.
    pub text: String,
    /// Names in the text that can be clicked.
    pub links: Vec<TextLink>,
}

/// Where something was printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stream {
    /// The prompt with the line that was run (also of runs that the page started: apply, lessons).
    Echo,
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// A name in a piece of text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextLink {
    /// Where it begins, in bytes.
    pub start: u32,
    /// Where it ends.
    pub end: u32,
    /// What it names.
    pub object: ObjectRef,
}

/// The state of the prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Prompt {
    /// Takes a line; the text of the prompt (`$ `, `root@worker1:~# `).
    Ready(String),
    /// Takes the rest of an incomplete line; the text of the prompt (`> `).
    More(String),
    /// A command runs; Ctrl-C ends it. `at` is when it was started.
    Running {
        /// When it was started.
        at: Time,
    },
}

/// Something wrong in the text of the editor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The line, from 1; 0 if it concerns the whole text.
    pub line: u32,
    /// The column, from 1; 0 if it concerns the whole line.
    pub column: u32,
    /// The last line that it concerns; equal to `line` mostly.
    pub end_line: u32,
    /// The column after the last; 0 for the end of the line.
    pub end_column: u32,
    /// Whether it only warns.
    pub warning: bool,
    /// Upstream's words.
    pub message: String,
}

/// Why a frame could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The other half has another version: the page must be reloaded.
    Version,
    /// The bytes make no sense.
    Malformed,
}

/// Forms of a view read and written by functions of their own: see [`crate::sim::apart`].
mod apart {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[inline(never)]
    pub(super) fn serialize<T: Serialize, S: Serializer>(view: &T, to: S) -> Result<S::Ok, S::Error> {
        view.serialize(to)
    }

    #[inline(never)]
    pub(super) fn deserialize<'a, T: Deserialize<'a>, D: Deserializer<'a>>(from: D) -> Result<T, D::Error> {
        T::deserialize(from)
    }
}

/// A frame with this request or these updates.
pub fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    let body = postcard::to_allocvec(message).expect("protocol types have no unserialisable values");
    let mut frame = Vec::with_capacity(body.len() + 1);
    frame.push(VERSION);
    frame.extend(body);
    frame
}

/// What a frame holds.
///
/// # Errors
/// If it was written by another version or is damaged.
pub fn decode<'a, T: Deserialize<'a>>(frame: &'a [u8]) -> Result<T, FrameError> {
    match frame.split_first() {
        Some((&VERSION, body)) => postcard::from_bytes(body).map_err(|_| FrameError::Malformed),
        Some(_) => Err(FrameError::Version),
        None => Err(FrameError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::fixture;

    /// What is encoded is decoded again.
    fn check<T: Serialize + for<'a> Deserialize<'a> + PartialEq + std::fmt::Debug>(message: &T) {
        let frame = encode(message);
        assert_eq!(&decode::<T>(&frame).expect("our own frame"), message);
    }

    #[test]
    fn requests_survive_the_journey() {
        check(&Request::Run { line: "kubectl get pods\n".into() });
        check(&Request::Want(Box::new(Want { cluster: true, why: Some(EventId(3)), ..Want::default() })));
        check(&Request::Clock(ClockRequest::SeekTo(Time(5))));
    }

    #[test]
    fn updates_with_every_view_survive_the_journey() {
        check(&fixture::updates());
    }

    #[test]
    fn frames_of_another_version_are_noticed() {
        let mut frame = encode(&Request::Interrupt);
        frame[0] = VERSION + 1;
        assert_eq!(decode::<Request>(&frame), Err(FrameError::Version));
        assert_eq!(decode::<Request>(&[]), Err(FrameError::Malformed));
        assert_eq!(decode::<Request>(&[VERSION, 255]), Err(FrameError::Malformed));
    }
}
