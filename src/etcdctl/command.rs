//! The commands and their flags, as data.
//!
//! Models `etcdctl/ctlv3/ctl.go` and the command constructors of `etcdctl/ctlv3/command` (etcd 3.6).

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing, or `=true`, `=false`.
    Bool,
    /// A number.
    Int,
    /// Text.
    Text,
    /// A Go duration.
    Duration,
    /// A comma-separated list.
    List,
}

/// A flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Its name.
    pub name: &'static str,
    /// Its letter.
    pub short: Option<char>,
    /// What it takes.
    pub kind: Kind,
    /// Its value when not given.
    pub default: &'static str,
    /// What it does.
    pub usage: &'static str,
}

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Only has commands below it.
    Group,
    /// Exists upstream, not here.
    Unsimulated,
    /// `get`
    Get,
    /// `put`
    Put,
    /// `del`
    Del,
    /// `watch`
    Watch,
    /// `txn`
    Txn,
    /// `compaction`
    Compact,
    /// `alarm list`
    AlarmList,
    /// `alarm disarm`
    AlarmDisarm,
    /// `defrag`
    Defrag,
    /// `lease grant`
    LeaseGrant,
    /// `lease revoke`
    LeaseRevoke,
    /// `lease timetolive`
    LeaseTimeToLive,
    /// `lease keep-alive`
    LeaseKeepAlive,
    /// `lease list`
    LeaseList,
    /// `endpoint health`
    EndpointHealth,
    /// `endpoint status`
    EndpointStatus,
    /// `endpoint hashkv`
    EndpointHashKv,
    /// `snapshot save`
    SnapshotSave,
    /// `member list`
    MemberList,
    /// `member add`
    MemberAdd,
    /// `member promote`
    MemberPromote,
    /// `member remove`
    MemberRemove,
    /// `member update`
    MemberUpdate,
    /// `move-leader`
    MoveLeader,
    /// `version`
    Version,
    /// `help`
    Help,
}

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its words.
    pub path: &'static [&'static str],
    /// What follows its words in the usage line.
    pub args: &'static str,
    /// What it does, in a line.
    pub short: &'static str,
    /// What it does, at length.
    pub long: &'static str,
    /// Its own flags, by name.
    pub flags: &'static [Flag],
    /// What it does.
    pub verb: Verb,
}

const fn flag(name: &'static str, kind: Kind, default: &'static str, usage: &'static str) -> Flag {
    Flag { name, short: None, kind, default, usage }
}

const fn short(name: &'static str, short: char, kind: Kind, default: &'static str, usage: &'static str) -> Flag {
    Flag { name, short: Some(short), kind, default, usage }
}

use Kind::{Bool, Duration, Int, List, Text};

/// The flags of every command, by name.
pub const GLOBAL: &[Flag] = &[
    flag(
        "auth-jwt-token",
        Text,
        "",
        "JWT token used for authentication (if this option is used, --user and --password should not be set)",
    ),
    flag("cacert", Text, "", "verify certificates of TLS-enabled secure servers using this CA bundle"),
    flag("cert", Text, "", "identify secure client using this TLS certificate file"),
    flag("command-timeout", Duration, "5s", "timeout for short running command (excluding dial timeout)"),
    flag("debug", Bool, "false", "enable client-side debug logging"),
    flag("dial-timeout", Duration, "2s", "dial timeout for client connections"),
    short("discovery-srv", 'd', Text, "", "domain name to query for SRV records describing cluster endpoints"),
    flag("discovery-srv-name", Text, "", "service name to query when using DNS discovery"),
    flag("endpoints", List, "[127.0.0.1:2379]", "gRPC endpoints"),
    flag("hex", Bool, "false", "print byte strings as hex encoded strings"),
    flag("insecure-discovery", Bool, "true", "accept insecure SRV records describing cluster endpoints"),
    flag(
        "insecure-skip-tls-verify",
        Bool,
        "false",
        "skip server certificate verification (CAUTION: this option should be enabled only for testing purposes)",
    ),
    flag("insecure-transport", Bool, "true", "disable transport security for client connections"),
    flag("keepalive-time", Duration, "2s", "keepalive time for client connections"),
    flag("keepalive-timeout", Duration, "6s", "keepalive timeout for client connections"),
    flag("key", Text, "", "identify secure client using this TLS key file"),
    flag(
        "max-recv-bytes",
        Int,
        "0",
        "client-side response receive limit in bytes (if 0, it defaults to \"math.MaxInt32\")",
    ),
    flag(
        "max-request-bytes",
        Int,
        "0",
        "client-side request send limit in bytes (if 0, it defaults to 2.0 MiB (2 * 1024 * 1024).)",
    ),
    flag(
        "password",
        Text,
        "",
        "password for authentication (if this option is used, --user option shouldn't include password)",
    ),
    flag("user", Text, "", "username[:password] for authentication (prompt if password is not supplied)"),
    short("write-out", 'w', Text, "simple", "set the output format (fields, json, protobuf, simple, table)"),
];

const GET: &[Flag] = &[
    flag("consistency", Text, "l", "Linearizable(l) or Serializable(s)"),
    flag("count-only", Bool, "false", "Get only the count"),
    flag("from-key", Bool, "false", "Get keys that are greater than or equal to the given key using byte compare"),
    flag("keys-only", Bool, "false", "Get only the keys"),
    flag("limit", Int, "0", "Maximum number of results"),
    flag("order", Text, "", "Order of results; ASCEND or DESCEND (ASCEND by default)"),
    flag("prefix", Bool, "false", "Get keys with matching prefix"),
    flag("print-value-only", Bool, "false", "Only write values when using the \"simple\" output format"),
    flag("rev", Int, "0", "Specify the kv revision"),
    flag("sort-by", Text, "", "Sort target; CREATE, KEY, MODIFY, VALUE, or VERSION"),
];

const PUT: &[Flag] = &[
    flag("ignore-lease", Bool, "false", "updates the key using its current lease"),
    flag("ignore-value", Bool, "false", "updates the key using its current value"),
    flag("lease", Text, "0", "lease ID (in hexadecimal) to attach to the key"),
    flag("prev-kv", Bool, "false", "return the previous key-value pair before modification"),
];

const DEL: &[Flag] = &[
    flag("from-key", Bool, "false", "delete keys that are greater than or equal to the given key using byte compare"),
    flag("prefix", Bool, "false", "delete keys with matching prefix"),
    flag("prev-kv", Bool, "false", "return deleted key-value pairs"),
    flag("range", Bool, "false", "delete range of keys without delay"),
];

const WATCH: &[Flag] = &[
    short("interactive", 'i', Bool, "false", "Interactive mode"),
    flag("prefix", Bool, "false", "Watch on a prefix if prefix is set"),
    flag("prev-kv", Bool, "false", "get the previous key-value pair before the event happens"),
    flag("progress-notify", Bool, "false", "get periodic watch progress notification from server"),
    flag("rev", Int, "0", "Revision to start watching"),
];

const TXN: &[Flag] = &[short("interactive", 'i', Bool, "false", "Input transaction in interactive mode")];
const COMPACTION: &[Flag] =
    &[flag("physical", Bool, "false", "'true' to wait for compaction to physically remove all old revisions")];
const KEEP_ALIVE: &[Flag] =
    &[flag("once", Bool, "false", "Resets the keep-alive time to its original value and exits immediately")];
const TIME_TO_LIVE: &[Flag] = &[flag("keys", Bool, "false", "Get keys attached to this lease")];

const MEMBER_ADD: &[Flag] = &[
    flag("learner", Bool, "false", "indicates if the new member is raft learner"),
    flag("peer-urls", Text, "", "comma separated peer URLs for the new member."),
];

/// A flag of `endpoint` that its commands inherit.
pub const CLUSTER: Flag = flag("cluster", Bool, "false", "use all endpoints from the cluster member list");

const PUT_LONG: &str = "Puts the given key into the store.

When <value> begins with '-', <value> is interpreted as a flag.
Insert '--' for workaround:

$ put <key> -- <value>
$ put -- <key> <value>

If <value> isn't given as a command line argument and '--ignore-value' is not specified,
this command tries to read the value from standard input.

If <lease> isn't given as a command line argument and '--ignore-lease' is not specified,
this command tries to read the value from standard input.

For example,
$ cat file | put <key>
will store the content of the file to <key>.";

const STATUS_LONG: &str =
    "When --write-out is set to simple, this command prints out comma-separated status lists for each endpoint.
The items in the lists are endpoint, ID, version, storage version, db size, in use, percentage not in use, quota, is leader, is learner, raft term, raft index, raft applied index, errors, downgrade target version, downgrade enabled.";

const PROMOTE_LONG: &str = "Promotes a non-voting learner member to a voting one in the cluster.";

const MEMBERS_LONG: &str =
    "When --write-out is set to simple, this command prints out comma-separated member lists for each endpoint.
The items in the lists are ID, Status, Name, Peer Addrs, Client Addrs, Is Learner.";

const fn command(path: &'static [&'static str], args: &'static str, short: &'static str, verb: Verb) -> Command {
    Command { path, args, short, long: "", flags: &[], verb }
}

const fn other(path: &'static [&'static str], short: &'static str) -> Command {
    command(path, "", short, Verb::Unsimulated)
}

const fn group(path: &'static [&'static str], short: &'static str) -> Command {
    command(path, "<subcommand>", short, Verb::Group)
}

const fn with(mut command: Command, flags: &'static [Flag]) -> Command {
    command.flags = flags;
    command
}

const fn long(mut command: Command, text: &'static str) -> Command {
    command.long = text;
    command
}

/// All commands, in order.
pub const COMMANDS: &[Command] = &[
    group(&["alarm"], "Alarm related commands"),
    command(&["alarm", "disarm"], "", "Disarms all alarms", Verb::AlarmDisarm),
    command(&["alarm", "list"], "", "Lists all alarms", Verb::AlarmList),
    group(&["auth"], "Enable or disable authentication"),
    other(&["auth", "disable"], "Disables authentication"),
    other(&["auth", "enable"], "Enables authentication"),
    other(&["auth", "status"], "Returns authentication status"),
    group(&["check"], "commands for checking properties of the etcd cluster"),
    other(
        &["check", "datascale"],
        "Check the memory usage of holding data for different workloads on a given server endpoint.",
    ),
    other(&["check", "perf"], "Check the performance of the etcd cluster"),
    with(
        command(&["compaction"], "[options] <revision>", "Compacts the event history in etcd", Verb::Compact),
        COMPACTION,
    ),
    group(&["completion"], "Generate completion script"),
    other(&["completion", "bash"], "Generate the autocompletion script for bash"),
    other(&["completion", "fish"], "Generate the autocompletion script for fish"),
    other(&["completion", "powershell"], "Generate the autocompletion script for powershell"),
    other(&["completion", "zsh"], "Generate the autocompletion script for zsh"),
    with(
        command(&["defrag"], "", "Defragments the storage of the etcd members with given endpoints", Verb::Defrag),
        const { &[CLUSTER] },
    ),
    with(
        command(
            &["del"],
            "[options] <key> [range_end]",
            "Removes the specified key or range of keys [key, range_end)",
            Verb::Del,
        ),
        DEL,
    ),
    group(&["downgrade"], "Downgrade related commands"),
    other(&["downgrade", "cancel"], "Cancel the ongoing downgrade action to cluster"),
    other(&["downgrade", "enable"], "Start a downgrade action to cluster"),
    other(&["downgrade", "validate"], "Validate downgrade capability before starting downgrade"),
    other(&["elect"], "Observes and participates in leader election"),
    with(group(&["endpoint"], "Endpoint related commands"), &[CLUSTER]),
    with(
        command(
            &["endpoint", "hashkv"],
            "",
            "Prints the KV history hash for each endpoint in --endpoints",
            Verb::EndpointHashKv,
        ),
        const { &[flag("rev", Int, "0", "maximum revision to hash (default: latest revision)")] },
    ),
    command(
        &["endpoint", "health"],
        "",
        "Checks the healthiness of endpoints specified in `--endpoints` flag",
        Verb::EndpointHealth,
    ),
    long(
        command(
            &["endpoint", "status"],
            "",
            "Prints out the status of endpoints specified in `--endpoints` flag",
            Verb::EndpointStatus,
        ),
        STATUS_LONG,
    ),
    with(command(&["get"], "[options] <key> [range_end]", "Gets the key or a range of keys", Verb::Get), GET),
    command(&["help"], "[command]", "Help about any command", Verb::Help),
    group(&["lease"], "Lease related commands"),
    command(&["lease", "grant"], "<ttl>", "Creates leases", Verb::LeaseGrant),
    with(
        command(&["lease", "keep-alive"], "[options] <leaseID>", "Keeps leases alive (renew)", Verb::LeaseKeepAlive),
        KEEP_ALIVE,
    ),
    command(&["lease", "list"], "", "List all active leases", Verb::LeaseList),
    command(&["lease", "revoke"], "<leaseID>", "Revokes leases", Verb::LeaseRevoke),
    with(
        command(&["lease", "timetolive"], "<leaseID> [options]", "Get lease information", Verb::LeaseTimeToLive),
        TIME_TO_LIVE,
    ),
    other(&["lock"], "Acquires a named lock"),
    other(&["make-mirror"], "Makes a mirror at the destination etcd cluster"),
    group(&["member"], "Membership related commands"),
    with(
        command(&["member", "add"], "<memberName> [options]", "Adds a member into the cluster", Verb::MemberAdd),
        MEMBER_ADD,
    ),
    long(command(&["member", "list"], "", "Lists all members in the cluster", Verb::MemberList), MEMBERS_LONG),
    long(
        command(
            &["member", "promote"],
            "<memberID>",
            "Promotes a non-voting member in the cluster",
            Verb::MemberPromote,
        ),
        PROMOTE_LONG,
    ),
    command(&["member", "remove"], "<memberID>", "Removes a member from the cluster", Verb::MemberRemove),
    with(
        command(&["member", "update"], "<memberID> [options]", "Updates a member in the cluster", Verb::MemberUpdate),
        const { &[flag("peer-urls", Text, "", "comma separated peer URLs for the updated member.")] },
    ),
    command(
        &["move-leader"],
        "<transferee-member-id>",
        "Transfers leadership to another etcd cluster member.",
        Verb::MoveLeader,
    ),
    with(
        long(
            command(
                &["put"],
                "[options] <key> <value> (<value> can also be given from stdin)",
                "Puts the given key into the store",
                Verb::Put,
            ),
            PUT_LONG,
        ),
        PUT,
    ),
    group(&["role"], "Role related commands"),
    other(&["role", "add"], "Adds a new role"),
    other(&["role", "delete"], "Deletes a role"),
    other(&["role", "get"], "Gets detailed information of a role"),
    other(&["role", "grant-permission"], "Grants a key to a role"),
    other(&["role", "list"], "Lists all roles"),
    other(&["role", "revoke-permission"], "Revokes a key from a role"),
    group(&["snapshot"], "Manages etcd node snapshots"),
    command(
        &["snapshot", "save"],
        "<filename>",
        "Stores an etcd node backend snapshot to a given file",
        Verb::SnapshotSave,
    ),
    with(command(&["txn"], "[options]", "Txn processes all the requests in one transaction", Verb::Txn), TXN),
    group(&["user"], "User related commands"),
    other(&["user", "add"], "Adds a new user"),
    other(&["user", "delete"], "Deletes a user"),
    other(&["user", "get"], "Gets detailed information of a user"),
    other(&["user", "grant-role"], "Grants a role to a user"),
    other(&["user", "list"], "Lists all users"),
    other(&["user", "passwd"], "Changes password of user"),
    other(&["user", "revoke-role"], "Revokes a role from a user"),
    command(&["version"], "", "Prints the version of etcdctl", Verb::Version),
    with(
        command(
            &["watch"],
            "[options] [key or prefix] [range_end] [--] [exec-command arg1 arg2 ...]",
            "Watches events stream on keys or prefixes",
            Verb::Watch,
        ),
        WATCH,
    ),
];

/// The version that this client is.
pub const VERSION: &str = "3.6.6";
/// The version of the API.
pub const API_VERSION: &str = "3.6";

impl Command {
    /// The flags it takes beside the global ones, those of its group included.
    pub fn all_flags(&self) -> impl Iterator<Item = &'static Flag> + use<> {
        let inherited: &'static [Flag] = match self.path {
            ["endpoint", _] => const { &[CLUSTER] },
            _ => &[],
        };
        self.flags.iter().chain(inherited).chain(GLOBAL)
    }
}
