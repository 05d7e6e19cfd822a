//! A container's log: lines with their times. Models the CRI log file and `pkg/kubelet/kuberuntime/logs`.
//!
//! Bounded: the oldest lines are forgotten first, as when a log file is rotated.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::api::{Since, Timestamp};
use crate::node::runtime::cri::LogQuery;
use crate::sim::{Span, Time};

const MOST_LINES: usize = 4_096;
const MOST_BYTES: u64 = 1 << 20;
/// A line that grows longer is cut into pieces.
const LONGEST: usize = 16_384;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    /// When it was written.
    pub at: Time,
    /// Its bytes, with the newline if there was one.
    pub bytes: Arc<[u8]>,
}

impl Line {
    /// As a log request shows it.
    pub fn show(&self, timestamps: bool, epoch: i64) -> Vec<u8> {
        if !timestamps {
            return self.bytes.to_vec();
        }
        let second = Timestamp(epoch + i64::try_from(self.at.as_secs()).unwrap_or(i64::MAX)).to_string();
        let stamp = format!("{}.{:09}Z ", second.trim_end_matches('Z'), self.at.0 % 1_000_000_000);
        [stamp.as_bytes(), &self.bytes].concat()
    }
}

/// A log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Log {
    lines: VecDeque<Line>,
    bytes: u64,
    /// What was written after the last newline, of standard output and standard error.
    partial: [Vec<u8>; 2],
}

impl Log {
    /// Writes bytes down and answers the lines that are whole now.
    pub fn write(&mut self, bytes: &[u8], stderr: bool, at: Time) -> Vec<Line> {
        let mut whole = Vec::new();
        let stream = usize::from(stderr);
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            self.partial[stream].extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.partial[stream].len() >= LONGEST {
                let line = Line { at, bytes: std::mem::take(&mut self.partial[stream]).into() };
                whole.push(line.clone());
                self.push(line);
            }
        }
        whole
    }

    /// The container ended: what has no newline is a line too.
    pub fn finish(&mut self, at: Time) -> Vec<Line> {
        let mut whole = Vec::new();
        for stream in 0..2 {
            if !self.partial[stream].is_empty() {
                let line = Line { at, bytes: std::mem::take(&mut self.partial[stream]).into() };
                whole.push(line.clone());
                self.push(line);
            }
        }
        whole
    }

    fn push(&mut self, line: Line) {
        self.bytes += line.bytes.len() as u64;
        self.lines.push_back(line);
        while self.lines.len() > MOST_LINES || self.bytes > MOST_BYTES {
            let Some(old) = self.lines.pop_front() else { break };
            self.bytes -= old.bytes.len() as u64;
        }
    }

    /// How long it is.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What a request asks for, as bytes. A line is written down when it is whole.
    pub fn read(&self, query: &LogQuery, now: Time, epoch: i64) -> Vec<u8> {
        let all = self.lines.len();
        let tail = query.tail.map_or(all, |n| usize::try_from(n).unwrap_or(usize::MAX));
        let since = match &query.since {
            None => Time::ZERO,
            Some(Since::Ago(seconds)) => Time(now.0.saturating_sub(Span::secs(*seconds).0)),
            // A time that cannot be read was refused before.
            Some(Since::At(text)) => text
                .parse::<Timestamp>()
                .map_or(Time::ZERO, |at| Time::ZERO + Span::secs(u64::try_from(at.0 - epoch).unwrap_or(0))),
        };
        let shown = self.lines.iter().skip(all.saturating_sub(tail)).filter(|line| line.at >= since);
        let mut bytes: Vec<u8> = shown.flat_map(|line| line.show(query.timestamps, epoch)).collect();
        bytes.truncate(query.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)));
        bytes
    }

    /// The last of it, at most `most` bytes: the termination message of FallbackToLogsOnError.
    pub fn last(&self, most: usize) -> String {
        let all: Vec<u8> = self.lines.iter().rev().take(80).rev().flat_map(|l| l.bytes.to_vec()).collect();
        String::from_utf8_lossy(&all[all.len().saturating_sub(most)..]).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: LogQuery, want: &str) {
        let mut log = Log::default();
        log.write(b"one\ntw", false, Time(5));
        log.write(b"o\n", false, Time(1_500_000_000));
        log.write(b"three", true, Time(9));
        assert_eq!(String::from_utf8(log.read(&query, Time(2_000_000_000), 0)).expect("text"), want);
    }

    #[test]
    fn a_log_is_read_whole_or_from_its_tail_or_with_times() {
        check(LogQuery::default(), "one\ntwo\n");
        check(LogQuery { tail: Some(1), ..LogQuery::default() }, "two\n");
        check(LogQuery { since: Some(Since::Ago(1)), ..LogQuery::default() }, "two\n");
        check(LogQuery { since: Some(Since::At("1970-01-01T00:00:01Z".into())), ..LogQuery::default() }, "two\n");
        check(LogQuery { limit: Some(5), ..LogQuery::default() }, "one\nt");
        check(
            LogQuery { timestamps: true, ..LogQuery::default() },
            "1970-01-01T00:00:00.000000005Z one\n1970-01-01T00:00:01.500000000Z two\n",
        );
    }

    #[test]
    fn a_log_does_not_grow_without_bound() {
        let mut log = Log::default();
        for _ in 0..10_000 {
            log.write(&[b'x'; 1_000], false, Time(0));
            log.write(b"\n", false, Time(0));
        }
        assert!(log.read(&LogQuery::default(), Time(9), 0).len() <= 1 << 20);
    }
}
