//! What is shared and what is opened: links and files of clusters, lessons and packets.
//!
//! Whatever is opened is read and replayed beside the cluster that runs: what cannot be opened leaves that one as it is.

use crate::api::{Kind, Object};
use crate::lesson::{Lesson, LessonError, Source};
use crate::session::lessons::OWN;
use crate::session::protocol::{Difference, LinkError, Selection, ShareWhat, Sharing, ShownView, Update};
use crate::session::{Session, World, opening};
use crate::share::{self, Markdown, Recipe, Seen, Selected, Shared, Shown, What};
use crate::sim::digest_of;
use crate::view::{ComponentKind, Locale, ObjectRef, PacketId, Place};

/// This release.
const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// The kinds of which a link remembers what there was.
const KINDS: [Kind; 10] = [
    Kind::Pod,
    Kind::Deployment,
    Kind::ReplicaSet,
    Kind::StatefulSet,
    Kind::DaemonSet,
    Kind::Job,
    Kind::CronJob,
    Kind::Service,
    Kind::PersistentVolumeClaim,
    Kind::HorizontalPodAutoscaler,
];

/// What was opened.
pub(super) struct Opened {
    pub(super) world: World,
    /// The lesson to go on with, and its step.
    pub(super) lesson: Option<(String, u16)>,
    /// Its text if it is not one of ours.
    pub(super) text: Markdown,
    /// Whether it begins, so that its time goes on.
    pub(super) begins: bool,
    shown: Shown,
    seen: Option<Seen>,
}

/// The world of a link, or of a lesson's text.
///
/// # Errors
/// Why it cannot be opened.
pub fn world(text: &str) -> Result<World, String> {
    open(text, Locale::En).map(|opened| opened.world).map_err(|error| match error {
        LinkError::Damaged => share::LinkError::Damaged.to_string(),
        LinkError::TooNew => share::LinkError::TooNew.to_string(),
        LinkError::TooBig => share::LinkError::TooBig.to_string(),
        LinkError::Unknown(what) => what,
        LinkError::Lesson(what) => what.en,
    })
}

/// The fragment of a link to a lesson that is not one of ours, of these texts.
pub fn own_lesson_link(text: Markdown) -> String {
    lesson_link(OWN, text)
}

fn lesson_link(id: &str, text: Markdown) -> String {
    let recipe = Recipe { lesson: Some((id.into(), 0)), ..Recipe::default() };
    share::encode_shared(&Shared { what: What::Lesson, recipe, lesson: text, ..Shared::default() })
}

/// Whether a text is a lesson's rather than a link.
pub fn is_lesson(text: &str) -> bool {
    text.lines().next() == Some("---")
}

/// Opens a link, or the text of a lesson in a language.
pub(super) fn open(text: &str, locale: Locale) -> Result<Opened, LinkError> {
    if is_lesson(text) {
        return begin(OWN, Markdown::of(locale, text.to_owned()), Shown::default());
    }
    let Shared { what, recipe, shown, lesson: text, seen } = share::open(text)?;
    for text in text.texts() {
        opening::read(text)?;
    }
    if what == What::Lesson {
        let (id, _) = recipe.lesson.ok_or(LinkError::Damaged)?;
        return begin(&id, text, shown);
    }
    let world = World::replay(&recipe).map_err(LinkError::Unknown)?;
    Ok(Opened { world, lesson: recipe.lesson, text, begins: false, shown, seen })
}

/// A lesson, on a fresh cluster of its own.
fn begin(id: &str, text: Markdown, shown: Shown) -> Result<Opened, LinkError> {
    let panels = if shown.panels.is_empty() { vec!["lesson".to_owned()] } else { shown.panels };
    let shown = Shown { panels, ..shown };
    let markdown = match (Source::by_id(id), text.texts().next()) {
        (Some(source), _) => source.en,
        (None, Some(text)) => text,
        (None, None) => return Err(LinkError::TooNew),
    };
    let world = opening::world(markdown)?;
    Ok(Opened { world, lesson: Some((id.to_owned(), 0)), text, begins: true, shown, seen: None })
}

impl From<share::LinkError> for LinkError {
    fn from(error: share::LinkError) -> LinkError {
        match error {
            share::LinkError::Damaged => LinkError::Damaged,
            share::LinkError::TooNew => LinkError::TooNew,
            share::LinkError::TooBig => LinkError::TooBig,
        }
    }
}

impl From<LessonError> for LinkError {
    fn from(error: LessonError) -> LinkError {
        LinkError::Lesson(error.into())
    }
}

impl Opened {
    /// What the page is told of it besides the world.
    pub(super) fn tell(&self, updates: &mut Vec<Update>) {
        let Shown { panels, selected, packet } = self.shown.clone();
        let selected = selected.map(selection);
        if !(panels.is_empty() && selected.is_none() && packet.is_none()) {
            updates.push(Update::Shown(Box::new(ShownView { panels, selected, packet: packet.map(PacketId) })));
        }
        if let Some(seen) = &self.seen {
            let kinds = differences(&seen.kinds, &seen_in(&self.world).kinds);
            if !kinds.is_empty() {
                updates.push(Update::Differs { release: seen.release.clone(), kinds });
            }
        }
    }
}

impl Session {
    /// The link that was asked for.
    pub(super) fn make_link(&self, sharing: &Sharing) -> Update {
        let link = match &sharing.what {
            ShareWhat::Draft(text) => lesson_link(OWN, Markdown::of(self.locale, text.clone())),
            ShareWhat::Lesson => {
                let (id, text) = self.course.open_lesson();
                lesson_link(&id, text)
            }
            ShareWhat::Cluster | ShareWhat::Packet => {
                let what = if sharing.what == ShareWhat::Packet { What::Packet } else { What::Cluster };
                let shown = Shown {
                    panels: sharing.panels.clone(),
                    selected: sharing.selected.clone().map(selected),
                    packet: sharing.packet.map(|id| id.0),
                };
                let recipe = self.recipe();
                let lesson = match &recipe.lesson {
                    Some((id, _)) if id == OWN => self.course.own().clone(),
                    _ => Markdown::default(),
                };
                share::encode_shared(&Shared { what, recipe, shown, lesson, seen: Some(seen_in(&self.world)) })
            }
        };
        Update::Link { link, digest: self.world.digest() }
    }
}

/// Whether a text is a lesson that can be begun; what is wrong with it otherwise.
pub(super) fn lesson_of(text: &str) -> Result<Lesson, LinkError> {
    Ok(opening::read(text)?.0)
}

fn seen_in(world: &World) -> Seen {
    let of_kind = |kind: Kind| {
        let own = world.cluster.objects(kind).filter(|object| object.meta().namespace != "kube-system");
        let states: Vec<String> = own.map(state).collect();
        let digest = digest_of(&states).0;
        let count = u32::try_from(states.len()).unwrap_or(u32::MAX);
        (count > 0).then(|| (kind.info().plural.to_owned(), count, u32::try_from(digest >> 32).unwrap_or(u32::MAX)))
    };
    Seen { release: RELEASE.into(), kinds: KINDS.into_iter().filter_map(of_kind).collect() }
}

/// Name and state of an object, as far as a learner would see that it is another.
fn state(object: &Object) -> String {
    let meta = object.meta();
    let value = object.to_value();
    let at = |path: &str| value.pointer(path).map(ToString::to_string).unwrap_or_default();
    let parts = ["/spec/nodeName", "/spec/replicas", "/status/phase", "/status/readyReplicas"].map(at);
    format!("{}/{} {}", meta.namespace, meta.name, parts.join(" "))
}

/// What is otherwise here than there.
fn differences(there: &[(String, u32, u32)], here: &[(String, u32, u32)]) -> Vec<Difference> {
    let find = |list: &[(String, u32, u32)], kind: &str| {
        list.iter().find(|(plural, ..)| plural == kind).map_or((0, 0), |(_, count, digest)| (*count, *digest))
    };
    let mut kinds: Vec<&String> = there.iter().chain(here).map(|(plural, ..)| plural).collect();
    kinds.sort();
    kinds.dedup();
    let differs = |kind: &&String| find(there, kind) != find(here, kind);
    let difference =
        |kind: &String| Difference { plural: kind.clone(), there: find(there, kind).0, here: find(here, kind).0 };
    kinds.into_iter().filter(differs).map(difference).collect()
}

/// The programs that can be selected.
const PROGRAMS: [ComponentKind; 9] = [
    ComponentKind::ApiServer,
    ComponentKind::Etcd,
    ComponentKind::Scheduler,
    ComponentKind::ControllerManager,
    ComponentKind::LoadBalancer,
    ComponentKind::Kubelet,
    ComponentKind::KubeProxy,
    ComponentKind::Flanneld,
    ComponentKind::Runtime,
];

fn selected(selection: Selection) -> Selected {
    match selection {
        Selection::Object(ObjectRef { api_version, kind, namespace, name }) => {
            Selected::Object([api_version, kind, namespace, name])
        }
        Selection::Place(Place::Client) => Selected::Client,
        Selection::Place(Place::Component { kind, host }) => Selected::Process(kind.name().into(), host),
        Selection::Place(Place::Node(name)) => Selected::Node(name),
        Selection::Place(Place::Pod { namespace, name }) => Selected::Pod(namespace, name),
        Selection::Place(Place::Registry) => Selected::Registry,
        Selection::Place(Place::Outside) => Selected::Outside,
    }
}

fn selection(selected: Selected) -> Selection {
    Selection::Place(match selected {
        Selected::Object([api_version, kind, namespace, name]) => {
            return Selection::Object(ObjectRef { api_version, kind, namespace, name });
        }
        Selected::Client => Place::Client,
        Selected::Process(name, host) => match PROGRAMS.into_iter().find(|kind| kind.name() == name) {
            Some(kind) => Place::Component { kind, host },
            None => Place::Client,
        },
        Selected::Node(name) => Place::Node(name),
        Selected::Pod(namespace, name) => Place::Pod { namespace, name },
        Selected::Registry => Place::Registry,
        Selected::Outside => Place::Outside,
    })
}
