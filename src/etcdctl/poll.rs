//! A round of questions to all endpoints.
//!
//! Models `etcdctl/ctlv3/command/ep_command.go` and `defrag_command.go` (etcd 3.6). All endpoints are asked at once; there,
//! `status` and `defrag` ask one after another. Who looks at the times of the requests could tell.

use crate::etcd::{Alarm, Body, EtcdError, Reply};
use crate::etcdctl::golang;
use crate::etcdctl::plan::{Poll, Refusal, exit};
use crate::etcdctl::show::{Checked, Display, EndpointHash, EndpointStatus};
use crate::sim::Time;

/// The questions and what has been answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Round {
    poll: Poll,
    asked: Time,
    endpoints: Vec<(String, Option<Answer>)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Answer {
    /// It answers. `alarms` are those that are on, once it was asked for them.
    Healthy {
        at: Time,
        alarms: Option<Result<Vec<(u64, Alarm)>, EtcdError>>,
    },
    Status(EndpointStatus),
    Hash(EndpointHash),
    Failed {
        at: Time,
        error: String,
    },
}

impl Round {
    /// Questions to `endpoints`, none answered yet.
    pub fn new(poll: Poll, endpoints: &[String], now: Time) -> Round {
        Round { poll, asked: now, endpoints: endpoints.iter().map(|endpoint| (endpoint.clone(), None)).collect() }
    }

    /// Takes the answer of the endpoint at place `id` in, or at that place beyond all what it says of alarms. What it is to be
    /// asked next, with the number for that.
    pub fn answer<V>(&mut self, id: u64, result: Result<Reply<V>, EtcdError>, now: Time) -> Option<(String, u64)> {
        let count = self.endpoints.len();
        let place = usize::try_from(id).ok()?;
        let (endpoint, answer) = self.endpoints.get_mut(place % count.max(1))?;
        if let Some(Answer::Healthy { alarms, .. }) = answer {
            *alarms = Some(result.map(|reply| match reply.body {
                Body::Alarms(members) => members,
                _ => Vec::new(),
            }));
            return None;
        }
        *answer = Some(match result {
            Ok(Reply { header, body: Body::Status(status) }) => {
                Answer::Status(EndpointStatus { endpoint: endpoint.clone(), header, status })
            }
            Ok(Reply { header, body: Body::HashKv(hash) }) => {
                Answer::Hash(EndpointHash { endpoint: endpoint.clone(), header, hash })
            }
            Ok(_) => Answer::Healthy { at: now, alarms: None },
            Err(e) => Answer::Failed { at: now, error: e.to_string() },
        });
        let asks = self.poll == Poll::Health && matches!(answer, Some(Answer::Healthy { .. }));
        asks.then(|| (endpoint.clone(), id + u64::try_from(count).unwrap_or(u64::MAX)))
    }

    /// Waits no longer.
    pub fn give_up(&mut self, now: Time) {
        for (_, answer) in &mut self.endpoints {
            match answer {
                Some(Answer::Healthy { alarms, .. }) => _ = alarms.get_or_insert(Err(EtcdError::Timeout)),
                answer => {
                    answer.get_or_insert(Answer::Failed { at: now, error: "context deadline exceeded".into() });
                }
            }
        }
    }

    /// Whether all have answered.
    pub fn is_complete(&self) -> bool {
        let is_open = |answer: &Option<Answer>| match answer {
            Some(Answer::Healthy { alarms, .. }) => self.poll == Poll::Health && alarms.is_none(),
            answer => answer.is_none(),
        };
        !self.endpoints.iter().any(|(_, answer)| is_open(answer))
    }

    /// What goes to stdout and stderr, and the exit code.
    pub fn shown(&self, display: Display) -> Result<(String, String, u8), Refusal> {
        match self.poll {
            Poll::Health => self.health(display),
            Poll::Status => self.statuses(display),
            Poll::Defrag => Ok(self.defragmented()),
            Poll::HashKv(_) => self.hashes(display),
        }
    }

    fn health(&self, display: Display) -> Result<(String, String, u8), Refusal> {
        let checked = self.endpoints.iter().map(|(endpoint, answer)| {
            let (at, error) = match answer {
                Some(Answer::Healthy { at, alarms: Some(Ok(members)) }) if !members.is_empty() => {
                    (*at, Some(format!("Active Alarm(s): {}", named(members))))
                }
                Some(Answer::Healthy { at, alarms: Some(Err(_)) }) => {
                    (*at, Some("Unable to fetch the alarm list".into()))
                }
                Some(Answer::Healthy { at, .. }) => (*at, None),
                Some(Answer::Failed { at, error }) => (*at, Some(error.clone())),
                Some(Answer::Status(_) | Answer::Hash(_)) | None => (self.asked, None),
            };
            Checked { endpoint: endpoint.clone(), took: at.since(self.asked), error }
        });
        let checked: Vec<Checked> = checked.collect();
        let (stdout, stderr) = display.health(&checked)?;
        if checked.iter().all(|check| check.error.is_none()) {
            return Ok((stdout, stderr, 0));
        }
        Ok((stdout, stderr + "Error: unhealthy cluster\n", exit::ERROR))
    }

    fn defragmented(&self) -> (String, String, u8) {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        for (endpoint, answer) in &self.endpoints {
            match answer {
                Some(Answer::Failed { at, error }) => {
                    let took = golang::duration(at.since(self.asked));
                    stderr += &format!("Failed to defragment etcd member[{endpoint}]. took {took}. ({error})\n");
                }
                Some(Answer::Healthy { at, .. }) => {
                    let took = golang::duration(at.since(self.asked));
                    stdout += &format!("Finished defragmenting etcd member[{endpoint}]. took {took}\n");
                }
                Some(Answer::Status(_) | Answer::Hash(_)) | None => {}
            }
        }
        let code = if stderr.is_empty() { 0 } else { exit::ERROR };
        (stdout, stderr, code)
    }

    fn hashes(&self, display: Display) -> Result<(String, String, u8), Refusal> {
        let (mut hashes, mut stderr) = (Vec::new(), String::new());
        for (endpoint, answer) in &self.endpoints {
            match answer {
                Some(Answer::Hash(hash)) => hashes.push(hash.clone()),
                Some(Answer::Failed { error, .. }) => {
                    stderr += &format!("Failed to get the hash of endpoint {endpoint} ({error})\n");
                }
                Some(Answer::Healthy { .. } | Answer::Status(_)) | None => {}
            }
        }
        let failed = self.endpoints.iter().rev().find_map(|(_, answer)| match answer {
            Some(Answer::Failed { error, .. }) => Some(error),
            _ => None,
        });
        let code = if let Some(error) = failed {
            stderr += &format!("Error: {error}\n");
            exit::ERROR
        } else {
            0
        };
        Ok((display.hashes(&hashes)?, stderr, code))
    }

    fn statuses(&self, display: Display) -> Result<(String, String, u8), Refusal> {
        let (mut statuses, mut stderr) = (Vec::new(), String::new());
        for (endpoint, answer) in &self.endpoints {
            match answer {
                Some(Answer::Status(status)) => statuses.push(status.clone()),
                Some(Answer::Failed { error, .. }) => {
                    stderr += &format!("Failed to get the status of endpoint {endpoint} ({error})\n");
                }
                Some(Answer::Healthy { .. } | Answer::Hash(_)) | None => {}
            }
        }
        let code = if stderr.is_empty() { 0 } else { exit::ERROR };
        Ok((display.statuses(&statuses)?, stderr, code))
    }
}

/// The names of alarms, each with a blank after it.
fn named(alarms: &[(u64, Alarm)]) -> String {
    alarms.iter().map(|(_, alarm)| format!("{} ", alarm.name())).collect()
}
