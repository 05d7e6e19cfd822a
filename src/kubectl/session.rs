//! What stands in the kubeconfig of a terminal session. Models `k8s.io/client-go/tools/clientcmd/api`.

use super::resource::Discovered;
use crate::sim::VecMap;

/// Where kubectl says that it is.
pub const FILE: &str = "/root/.kube/config";

/// Where kubectl looks for a server if nothing names one.
pub const NO_SERVER: &str = "http://localhost:8080";

/// A cluster, a user or a context.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its fields by the names that the file has for them.
    pub fields: VecMap<String, String>,
}

impl Entry {
    /// An entry with these fields.
    pub fn new(name: &str, fields: &[(&str, &str)]) -> Entry {
        let fields = fields.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect();
        Entry { name: name.to_owned(), fields }
    }

    /// A field; empty if it is not there.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// The settings that outlive one command.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KubectlConfig {
    /// The clusters.
    pub clusters: Vec<Entry>,
    /// The users.
    pub users: Vec<Entry>,
    /// The contexts: a cluster, a user and a namespace each.
    pub contexts: Vec<Entry>,
    /// The name of the current context; empty if none is.
    pub current: String,
    /// Where the API server really is: `https://192.168.1.10:6443`.
    pub address: String,
    /// The Unix time, in seconds, at virtual time zero.
    pub epoch: i64,
    /// What discovery has found besides the kinds that every server has.
    pub discovered: Discovered,
}

impl Default for KubectlConfig {
    fn default() -> Self {
        KubectlConfig::new("https://192.168.1.10:6443".into(), 1_767_225_600)
    }
}

impl KubectlConfig {
    /// What `kubeadm` writes for the administrator of a cluster at this address.
    pub fn new(address: String, epoch: i64) -> KubectlConfig {
        let (cluster, user, context) = ("kubernetes", "kubernetes-admin", "kubernetes-admin@kubernetes");
        let certificate = [("client-certificate-data", "DATA+OMITTED"), ("client-key-data", "DATA+OMITTED")];
        let at = [("certificate-authority-data", "DATA+OMITTED"), ("server", address.as_str())];
        KubectlConfig {
            clusters: vec![Entry::new(cluster, &at)],
            users: vec![Entry::new(user, &certificate)],
            contexts: vec![Entry::new(context, &[("cluster", cluster), ("user", user)])],
            current: context.into(),
            address,
            epoch,
            discovered: Discovered::new(),
        }
    }
}

impl KubectlConfig {
    /// The namespace of the current context.
    pub fn namespace(&self) -> &str {
        namespace_of(named(&self.contexts, &self.current))
    }
}

/// The namespace of a context; `default` if it names none.
pub fn namespace_of(context: Option<&Entry>) -> &str {
    match context.map_or("", |context| context.field("namespace")) {
        "" => "default",
        name => name,
    }
}

/// The entry of this name.
pub fn named<'a>(entries: &'a [Entry], name: &str) -> Option<&'a Entry> {
    entries.iter().find(|entry| entry.name == name)
}

/// The entry of this name, made if it is not there; and whether it was. Entries stand in the order of their names.
pub fn named_mut<'a>(entries: &'a mut Vec<Entry>, name: &str) -> (&'a mut Entry, bool) {
    let (at, there) = match entries.binary_search_by(|entry| entry.name.as_str().cmp(name)) {
        Ok(at) => (at, true),
        Err(at) => {
            entries.insert(at, Entry::new(name, &[]));
            (at, false)
        }
    };
    (&mut entries[at], there)
}
