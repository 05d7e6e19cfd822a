//! Versions that are another form of what is stored: which there are, and how they are told from the stored one.

use serde_json::Value;

use crate::api::{Kind, Object};
use crate::control::apiserver::{autoscaling_v1, events_v1};

/// Another form of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OtherForm {
    /// `autoscaling/v1`.
    Autoscaling,
    /// `events.k8s.io/v1`.
    Events,
}

impl OtherForm {
    /// The form of a group and version.
    pub fn of(group: &str, version: &str) -> Option<OtherForm> {
        if autoscaling_v1::is(group, version) {
            Some(OtherForm::Autoscaling)
        } else {
            events_v1::is(group, version).then_some(OtherForm::Events)
        }
    }

    /// Its kind.
    pub fn kind(self) -> Kind {
        match self {
            OtherForm::Autoscaling => Kind::HorizontalPodAutoscaler,
            OtherForm::Events => Kind::Event,
        }
    }

    /// The version on the wire.
    pub fn version(self) -> &'static str {
        match self {
            OtherForm::Autoscaling => autoscaling_v1::VERSION,
            OtherForm::Events => events_v1::VERSION,
        }
    }

    /// An object in this form.
    pub fn down(self, object: &Object) -> Value {
        match self {
            OtherForm::Autoscaling => autoscaling_v1::down(object),
            OtherForm::Events => events_v1::down(object),
        }
    }

    /// An object of this form as it is stored.
    ///
    /// # Errors
    /// It is no object.
    pub fn up(self, value: &mut Value) -> Result<(), String> {
        match self {
            OtherForm::Autoscaling => autoscaling_v1::up(value),
            OtherForm::Events => events_v1::up(value),
        }
    }
}
