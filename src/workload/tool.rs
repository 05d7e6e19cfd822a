//! Tools that a shell calls: those that only compute ([`instant`]), those of the network, and those that only the system
//! can answer ([`system`]).

pub mod awk;
pub mod curl;
pub mod dig;
pub mod files;
pub mod grep;
pub mod http_client;
pub mod identity;
pub mod info;
pub mod instant;
pub mod nc;
pub mod nslookup;
pub mod pattern;
pub mod ping;
pub mod print;
pub mod sed;
pub mod system;
pub mod tar;
pub mod tcpdump;
pub mod test;
pub mod text;
pub mod timeout;
mod tr;
pub mod traceroute;
pub mod watch;
pub mod wget;
pub mod xargs;
