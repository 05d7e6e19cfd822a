//! What stands in the kubeconfig: clusters, users, contexts. Models `k8s.io/client-go/tools/clientcmd` and its `api`.

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::resource::Discovered;
use crate::api::decode;
use crate::api::yaml::{read, to_yaml};
use crate::sim::VecMap;

/// Where kubectl looks for it if nothing names another file.
pub const FILE: &str = "/root/.kube/config";

/// What stands where the bytes of a certificate would: it proves nothing to anybody.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nsimulated\n-----END CERTIFICATE-----\n";
const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----\nsimulated\n-----END PRIVATE KEY-----\n";

/// Fields that nobody is shown who does not ask for them.
const SECRET: &[&str] = &["token", "password"];

/// Where kubectl looks for a server if nothing names one.
pub const NO_SERVER: &str = "http://localhost:8080";

/// A cluster, a user or a context.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its fields by the names that the file has for them.
    pub fields: VecMap<String, String>,
    /// Those that are more than a text, as JSON: nothing here reads them.
    pub others: VecMap<String, String>,
}

impl Entry {
    /// An entry with these fields.
    pub fn new(name: &str, fields: &[(&str, &str)]) -> Entry {
        let fields = fields.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect();
        Entry { name: name.to_owned(), fields, others: VecMap::new() }
    }

    /// What a file says below the key of its part; `None` of what has no name.
    fn read(value: &Value, key: &str) -> Option<Entry> {
        let mut entry = Entry::new(value["name"].as_str()?, &[]);
        for (name, value) in value[key].as_object().into_iter().flatten() {
            match value {
                Value::Null => {}
                Value::String(text) => _ = entry.fields.insert(name.clone(), text.clone()),
                Value::Bool(_) | Value::Number(_) => _ = entry.fields.insert(name.clone(), value.to_string()),
                other => _ = entry.others.insert(name.clone(), other.to_string()),
            }
        }
        Some(entry)
    }

    /// Its fields as a file has them; without `raw`, what is secret is left out.
    fn written(&self, raw: bool) -> Value {
        let mut fields = json!({});
        for (name, value) in &self.fields {
            fields[name] = match value.as_str() {
                "true" if name == "insecure-skip-tls-verify" => json!(true),
                _ if !raw && SECRET.contains(&name.as_str()) => json!("REDACTED"),
                _ if !raw && name.ends_with("-data") => json!("DATA+OMITTED"),
                value => json!(value),
            };
        }
        for (name, value) in &self.others {
            fields[name] = serde_json::from_str(value).unwrap_or_default();
        }
        fields
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
    /// The files that it stands in.
    pub paths: Vec<String>,
    /// Why it cannot be read; empty if it can.
    pub broken: String,
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
        let (ca, key) = (certificate(), BASE64.encode(PRIVATE_KEY.as_bytes()));
        let identity = [("client-certificate-data", ca.as_str()), ("client-key-data", key.as_str())];
        let at = [("certificate-authority-data", ca.as_str()), ("server", address.as_str())];
        KubectlConfig {
            clusters: vec![Entry::new(cluster, &at)],
            users: vec![Entry::new(user, &identity)],
            contexts: vec![Entry::new(context, &[("cluster", cluster), ("user", user)])],
            current: context.into(),
            paths: vec![FILE.into()],
            broken: String::new(),
            address,
            epoch,
            discovered: Discovered::new(),
        }
    }

    /// The same cluster with what stands in these files: of two entries of one name the first counts. What is not there is
    /// empty; a file that `--kubeconfig` names must be there.
    #[must_use]
    pub fn of_files(&self, files: &[(String, Option<Vec<u8>>)], is_named: bool) -> KubectlConfig {
        let mut config = KubectlConfig {
            clusters: Vec::new(),
            users: Vec::new(),
            contexts: Vec::new(),
            current: String::new(),
            paths: files.iter().map(|(path, _)| path.clone()).collect(),
            ..self.clone()
        };
        for (path, data) in files {
            let done = match data {
                Some(data) => config.merge(&String::from_utf8_lossy(data)),
                None => Ok(()),
            };
            if let Err(why) = done {
                config.broken = format!("error loading config file {path:?}: {why}");
            } else if data.is_none() && is_named {
                config.broken = format!("stat {path}: no such file or directory");
            }
        }
        config
    }

    /// Adds what a file has and nothing before it had.
    fn merge(&mut self, text: &str) -> Result<(), String> {
        let value = read::read(text)?;
        let (group, version, kind) = decode::said(&value)?;
        if !matches!((group, version), ("", "" | "v1")) || !matches!(kind, "" | "Config") {
            let slash = if group.is_empty() { "" } else { "/" };
            return Err(format!(
                "no kind {kind:?} is registered for version \"{group}{slash}{version}\" in scheme \"k8s.io/client-go/tools/clientcmd/api/latest/latest.go:50\""
            ));
        }
        for (part, key, entries) in [
            ("clusters", "cluster", &mut self.clusters),
            ("users", "user", &mut self.users),
            ("contexts", "context", &mut self.contexts),
        ] {
            for entry in value[part].as_array().into_iter().flatten().filter_map(|value| Entry::read(value, key)) {
                let (place, there) = named_mut(entries, &entry.name);
                if !there {
                    *place = entry;
                }
            }
        }
        if self.current.is_empty() {
            value["current-context"].as_str().unwrap_or("").clone_into(&mut self.current);
        }
        Ok(())
    }

    /// What a file of it holds; without `raw`, what is secret is left out.
    pub fn written(&self, raw: bool) -> Value {
        let list = |entries: &[Entry], key: &str| {
            let all: Vec<Value> =
                entries.iter().map(|entry| json!({"name": entry.name, key: entry.written(raw)})).collect();
            if all.is_empty() { Value::Null } else { json!(all) }
        };
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": self.current,
            "clusters": list(&self.clusters, "cluster"), "contexts": list(&self.contexts, "context"),
            "users": list(&self.users, "user"),
        })
    }

    /// The text of its file.
    pub fn text(&self) -> String {
        to_yaml(&self.written(true))
    }

    /// The file that changes go to.
    pub fn path(&self) -> &str {
        self.paths.first().map_or(FILE, String::as_str)
    }
}

/// The certificate of the cluster's authority and of its administrator, in base64.
pub fn certificate() -> String {
    BASE64.encode(CERTIFICATE.as_bytes())
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
