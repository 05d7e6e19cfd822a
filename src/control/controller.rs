//! The controllers: one file each, one registry line each.
//!
//! To add one: a file with a struct that implements [`Reconciler`], `new(&Setup)`, and a line in `controllers!`.

pub mod api_service;
pub mod cron_job;
pub mod daemon_set;
pub mod deployment;
pub mod disruption;
pub mod endpoint_slice;
pub mod endpoints;
pub mod ephemeral_volume;
pub mod garbage_collector;
pub mod history;
pub mod horizontal;
pub mod job;
pub mod namespace;
pub mod node_ipam;
pub mod node_lifecycle;
pub mod node_ttl;
pub mod owner;
pub mod persistent_volume;
pub mod pod_gc;
pub mod pods;
pub mod replica_set;
pub mod replicas;
pub mod replication_controller;
pub mod resource_quota;
pub mod role_aggregation;
pub mod root_ca_cert_publisher;
pub mod selects;
pub mod service_account_tokens;
pub mod service_accounts;
pub mod service_load_balancer;
pub mod service_pods;
pub mod stateful_set;
pub mod taint_eviction;
pub mod ttl_after_finished;
pub mod volume_protection;
pub mod volume_provisioner;

use ipnet::Ipv4Net;

use crate::api::{Kind, ObjectRef, Response};
use crate::control::Calendar;
use crate::control::cache::{Cache, Change};
use crate::control::reconciler::{Context, Failed, Note, Plan, ReconcileError, Reconciler};
use crate::sim::{Span, Time, apart};

/// What the controller-manager is started with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    /// The calendar of the simulation.
    pub calendar: Calendar,
    /// `--cluster-cidr`: what the pods' subnets are cut from.
    pub cluster_cidr: Ipv4Net,
    /// `--node-cidr-mask-size`: the size of a node's subnet.
    pub node_cidr_mask_size: u8,
}

impl Setup {
    /// The defaults: 10.244.0.0/16, a /24 for each node.
    pub fn new(calendar: Calendar) -> Setup {
        let network = std::net::Ipv4Addr::new(10, 244, 0, 0);
        let cluster_cidr = Ipv4Net::new(network, 16).expect("16 is a length of a prefix");
        Setup { calendar, cluster_cidr, node_cidr_mask_size: 24 }
    }
}

/// The registry: one line a controller.
macro_rules! controllers {
    ($( $name:ident in $module:ident; )*) => {
        /// Any controller.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)] // Each is documented in its file.
        pub enum Controller { $( $name($module::$name), )* }

        impl Controller {
            /// Every controller.
            pub fn all(setup: &Setup) -> Vec<Controller> {
                vec![$( Controller::$name($module::$name::new(setup)), )*]
            }

            /// Its name.
            pub fn name(&self) -> &'static str {
                match self { $( Controller::$name(_) => <$module::$name as Reconciler>::NAME, )* }
            }

            /// The component in its events.
            pub fn event_source(&self) -> &'static str {
                match self { $( Controller::$name(_) => <$module::$name as Reconciler>::SOURCE, )* }
            }

            /// How many keys it works on at a time.
            pub fn workers(&self) -> u32 {
                match self { $( Controller::$name(_) => <$module::$name as Reconciler>::WORKERS, )* }
            }

            /// The kinds that it watches.
            pub fn watches(&self) -> &'static [Kind] {
                match self { $( Controller::$name(_) => <$module::$name as Reconciler>::WATCHES, )* }
            }

            /// See [`Reconciler::observe`].
            pub fn observe(&mut self, change: &Change, cache: &Cache, now: Time) -> Vec<Note> {
                match self { $( Controller::$name(c) => apart(|| c.observe(change, cache, now)), )* }
            }

            /// See [`Reconciler::affected`].
            pub fn affected(&self, change: &Change, cache: &Cache) -> Vec<ObjectRef> {
                match self { $( Controller::$name(c) => apart(|| c.affected(change, cache)), )* }
            }

            /// See [`Reconciler::delay`].
            pub fn delay(&self, change: &Change) -> Span {
                match self { $( Controller::$name(c) => c.delay(change), )* }
            }

            /// See [`Reconciler::seeds`].
            pub fn seeds(&self) -> Vec<ObjectRef> {
                match self { $( Controller::$name(c) => c.seeds(), )* }
            }

            /// See [`Reconciler::reconcile`].
            ///
            /// # Errors
            /// As [`Reconciler::reconcile`].
            pub fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
                match self { $( Controller::$name(c) => apart(|| c.reconcile(key, cx)), )* }
            }

            /// See [`Reconciler::follow`].
            pub fn follow(&mut self, key: &ObjectRef, answers: &[Response], cx: &Context<'_>) -> Plan {
                match self { $( Controller::$name(c) => apart(|| c.follow(key, answers, cx)), )* }
            }

            /// See [`Reconciler::conclude`].
            pub fn conclude(&self, key: &ObjectRef, failure: Option<&Failed>, cx: &Context<'_>) -> Plan {
                match self { $( Controller::$name(c) => apart(|| c.conclude(key, failure, cx)), )* }
            }
        }
    };
}

controllers! {
    NodeIpam in node_ipam;
    NodeLifecycle in node_lifecycle;
    TaintEviction in taint_eviction;
    NamespaceController in namespace;
    GarbageCollector in garbage_collector;
    PodGc in pod_gc;
    DeploymentController in deployment;
    ReplicaSetController in replica_set;
    ReplicationManager in replication_controller;
    StatefulSetController in stateful_set;
    DaemonSetsController in daemon_set;
    JobController in job;
    TtlAfterFinished in ttl_after_finished;
    CronJobController in cron_job;
    HorizontalController in horizontal;
    PersistentVolumeController in persistent_volume;
    VolumeProvisioner in volume_provisioner;
    VolumeProtection in volume_protection;
    DisruptionController in disruption;
    ResourceQuotaController in resource_quota;
    EndpointsController in endpoints;
    EndpointSliceController in endpoint_slice;
    ServiceAccountsController in service_accounts;
    RootCaCertPublisher in root_ca_cert_publisher;
    RoleAggregation in role_aggregation;
    ApiServices in api_service;
    ServiceLoadBalancer in service_load_balancer;
    EphemeralVolume in ephemeral_volume;
    NodeTtl in node_ttl;
    ServiceAccountTokens in service_account_tokens;
}
