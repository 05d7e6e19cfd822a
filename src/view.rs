//! What the page shows, as small plain values.
//!
//! Every view is computed natively from the world by pure functions and is `Clone + PartialEq + Serialize + Deserialize`.
//! Times are virtual nanoseconds, numbers have a fixed width, nothing is a float. Text that the simulated system says
//! (columns, messages, rules, keys) is upstream's English and travels as `String`; everything that *we* say travels as an
//! enum with its arguments, so that the page can say it in every language.
//!
//! Nothing in here mutates a world, and nothing in here knows the browser.

pub mod chart;
pub mod cluster;
pub mod common;
pub mod compare;
pub mod delta;
pub mod detail;
pub mod etcd;
#[cfg(any(test, debug_assertions))]
pub mod fixture;
pub mod ha;
pub mod happening;
pub mod lesson;
pub mod message;
pub mod objects;
pub mod packet;
pub mod prose;
pub mod qr;
pub mod related;
pub mod scheduler;
pub mod suggest;
pub mod timeline;
pub mod why;

pub use crate::lesson::{Part, Said};
pub use chart::ChartView;
pub use cluster::{
    ClaimView, ClusterView, ComponentView, ContainerRole, ContainerView, Health, NodeView, PodView, ServiceView, Usage,
    WorkloadView,
};
pub use common::{ComponentKind, Locale, ObjectRef, Place, Plane, Tone};
pub use compare::{ChangedView, CompareView, FieldChange, Found, MomentRef, Part as ComparePart};
pub use delta::{ClusterDelta, Keyed, ListDelta};
pub use detail::{DetailView, EventRow};
pub use etcd::{EtcdView, KeyDetail, KeyRevision, KeyView, LeaseView, MemberRole, MemberView, WatcherView};
pub use ha::HaView;
pub use happening::{Happening, WaitFor};
pub use lesson::{
    CheckState, DraftCheck, DraftStep, LessonTitle, LessonView, QuizView, SceneTitle, StepView, WorkshopView,
};
pub use message::{Fate, LinkLoad, MessageKind, MessageView, MessagesView};
pub use objects::ObjectsView;
pub use packet::{
    Decision, DropReason, EndpointView, FieldView, FlannelStep, FrameView, HopView, LayerKind, LayerView, Outcome,
    PacketId, PacketKind, PacketLine, PacketListView, PacketView, Scope,
};
pub use prose::{Block, Inline};
pub use related::{MountView, Relation, VolumeView};
pub use scheduler::SchedulerView;
pub use suggest::{KnownField, SuggestView, Suggestion};
pub use timeline::{BranchName, BranchView, Bucket, EventLine, MarkKind, MarkView, NextView, TimelineView};
pub use why::{WhyLink, WhyView};

pub use crate::sim::{EventId, Span, Time};
