//! As whom a container runs and what it may write. Models `pkg/kubelet/kuberuntime/security_context.go` and
//! `pkg/securitycontext`.

use serde_json::Value;

use crate::api::define::Rest;
use crate::api::{Container, Pod};
use crate::workload::fs::{Access, User};
use crate::workload::image::{self, Family, ImageUser, Runs};

/// As whom a container runs.
pub struct RunAs {
    /// The user and its groups.
    pub user: User,
    /// Whether only what is mounted can be written.
    pub read_only_root: bool,
    /// What the spec says of the user.
    asked: Option<u32>,
    non_root: bool,
    image: Option<&'static ImageUser>,
    /// Whether nothing is known of the image.
    unknown: bool,
}

/// A field of a container's security context, or else of its pod's.
fn field<'a>(pod: &'a Pod, container: &'a Container, name: &str) -> Option<&'a Value> {
    let of = |rest: &'a Rest| rest.get("securityContext")?.get(name).filter(|value| !value.is_null());
    of(&container.rest).or_else(|| of(&pod.spec.rest))
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|id| u32::try_from(id).ok())
}

/// The group that a pod's volumes are of.
pub fn fs_group(pod: &Pod) -> Option<u32> {
    number(pod.spec.rest.get("securityContext")?.get("fsGroup")?)
}

/// Whose something of a volume is (`SetVolumeOwnership`): the pod's group may do with it what its owner may.
pub fn owned(pod: &Pod, access: Access, writable: bool) -> Access {
    let Some(gid) = fs_group(pod) else { return access };
    let group = match (access.mode & 0o111 != 0, writable) {
        (true, true) => 0o2770,
        (true, false) => 0o2550,
        (false, true) => 0o660,
        (false, false) => 0o440,
    };
    Access { gid, mode: access.mode | group, ..access }
}

impl RunAs {
    /// What the pod and the image say.
    pub fn of(pod: &Pod, container: &Container) -> RunAs {
        let image = image::parse(&container.image).ok().and_then(|name| name.user());
        let own = image.filter(|user| user.runs != Runs::AsRoot).map_or(0, |user| user.uid);
        let asked = field(pod, container, "runAsUser").and_then(number);
        let uid = asked.unwrap_or(own);
        let known = image.filter(|user| user.uid == uid).map_or(0, |user| user.gid);
        let gid = field(pod, container, "runAsGroup").and_then(number).unwrap_or(known);
        let context = pod.spec.rest.get("securityContext");
        let more = context.and_then(|context| context["supplementalGroups"].as_array());
        let groups = fs_group(pod).into_iter().chain(more.into_iter().flatten().filter_map(number)).collect();
        let is = |name| field(pod, container, name).is_some_and(|value| value == &Value::Bool(true));
        let user = User { uid, gid, groups };
        let own = container.rest.get("securityContext");
        let read_only_root = own.is_some_and(|context| context["readOnlyRootFilesystem"] == true);
        let unknown = image::parse(&container.image).is_ok_and(|name| name.info().family == Family::Generic);
        RunAs { user, read_only_root, asked, non_root: is("runAsNonRoot"), image, unknown }
    }

    /// Whether it is root though it must not be (`verifyRunAsNonRoot`).
    ///
    /// # Errors
    /// It is, or nobody can tell; the words are the kubelet's.
    pub fn verify(&self, pod: &Pod, container: &Container) -> Result<(), String> {
        if !self.non_root {
            return Ok(());
        }
        let meta = &pod.metadata;
        let place = format!("(pod: \"{}_{}({})\", container: {})", meta.name, meta.namespace, meta.uid, container.name);
        match (self.asked, self.image.map(|user| (user.runs, user.name))) {
            (Some(0), _) => Err(format!("container's runAsUser breaks non-root policy {place}")),
            (Some(_), _) | (None, Some((Runs::ByNumber, _))) => Ok(()),
            (None, Some((Runs::ByName, name))) => Err(format!(
                "container has runAsNonRoot and image has non-numeric user ({name}), cannot verify user is non-root {place}"
            )),
            // What is not known of an image is as its pod wants it.
            (None, None) if self.unknown => Ok(()),
            (None, _) => Err(format!("container has runAsNonRoot and image will run as root {place}")),
        }
    }
}
