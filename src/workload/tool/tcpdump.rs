//! `tcpdump`: listens at devices and prints, or keeps, what passes. Models tcpdump 4.99.
//!
//! The filter runs where the frames are, as in a kernel; only what passes comes here. Differs: without `-n` an address has a
//! name only if `/etc/hosts` gives it one, since nothing is asked of DNS.

use std::sync::Arc;

use crate::net::hop::Link;
use crate::net::sniff::{Expr, FilterError, Frame, View, Way};
use crate::sim::{Time, VecMap};
use crate::workload::process::Program;
use crate::workload::resolver::{Lookup, Resolved, local, resolve};
use crate::workload::{Ctx, Effect, Fd, Input, NetError, NetEvent, NetOp, SIGINT, SIGTERM, Spec};

pub mod file;
pub mod names;
pub mod options;
pub mod print;

use file::{LinkType, Record};
use names::Names;
use options::Options;
use print::Printer;

/// A file's buffer is written out when it has so many bytes, as the C library's.
const BUFFER: usize = 4_096;

/// `tcpdump`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tcpdump {
    options: Result<Options, String>,
    cwd: String,
    /// A name of the filter that is looked up, and those that are known.
    lookup: Option<(String, Lookup)>,
    known: VecMap<String, std::net::Ipv4Addr>,
    fd: Option<Fd>,
    link: LinkType,
    names: Names,
    printer: Printer,
    captured: u32,
    /// What is to be written to the file.
    unwritten: Vec<u8>,
    /// The number of the query for the devices' names, with the records that wait for it.
    asked: Option<(u32, Vec<Record>)>,
}

impl Tcpdump {
    /// The process that `spec` starts.
    pub fn new(spec: &Spec) -> Tcpdump {
        Tcpdump {
            options: Options::parse(&spec.argv[1..]),
            cwd: spec.cwd.clone(),
            lookup: None,
            known: VecMap::new(),
            fd: None,
            link: LinkType::default(),
            names: Names::default(),
            printer: Printer::default(),
            captured: 0,
            unwritten: Vec::new(),
            asked: None,
        }
    }

    fn options(&self) -> &Options {
        self.options.as_ref().expect("wrong options end the program")
    }

    fn fail(&self, words: &str, ctx: &mut Ctx<'_>) {
        ctx.eprint(format!("tcpdump: {words}\n"));
        ctx.exit(1);
    }

    /// Reads the filter, which may take finding an address, and goes on with it.
    fn begin(&mut self, ctx: &mut Ctx<'_>) {
        let known = &self.known;
        let find = |name: &str| known.get(name).copied().or_else(|| local(name, ctx));
        match Expr::parse(&self.options().filter, &find) {
            Ok(filter) => match self.options().read.clone() {
                Some(path) => self.read(&path, &filter, ctx),
                None => self.listen(filter, ctx),
            },
            Err(FilterError::UnknownHost(name)) => {
                let resolved = resolve(&name, ctx);
                self.resolved(name, resolved, ctx);
            }
            Err(refused) => self.fail(&refused.to_string(), ctx),
        }
    }

    fn resolved(&mut self, name: String, resolved: Resolved, ctx: &mut Ctx<'_>) {
        self.lookup = None;
        match resolved {
            Resolved::Wait(lookup) => self.lookup = Some((name, lookup)),
            Resolved::Address(ip) => {
                self.known.insert(name, ip);
                self.begin(ctx);
            }
            _ => self.fail(&FilterError::UnknownHost(name).to_string(), ctx),
        }
    }

    fn listen(&mut self, filter: Expr, ctx: &mut Ctx<'_>) {
        self.names = Names::read(self.options().numeric, ctx);
        let fd = ctx.fd();
        self.fd = Some(fd);
        ctx.net(NetOp::Sniff { fd, dev: self.options().device.clone(), filter: Arc::new(filter) });
    }

    fn listening(&mut self, dev: &str, link: Link, ctx: &mut Ctx<'_>) {
        self.link = match (dev, link) {
            ("any", _) => LinkType::Cooked,
            (_, Link::Ethernet) => LinkType::Ethernet,
            (_, Link::Ip) => LinkType::Raw,
        };
        let options = self.options();
        let (name, what) = self.link.words();
        let prints = options.write.is_none() || options.print;
        let hint = if prints && options.verbose == 0 {
            "tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n"
        } else {
            "tcpdump: "
        };
        let cooked =
            if self.link == LinkType::Cooked { format!("tcpdump: data link type {name}\n") } else { String::new() };
        let snaplen = options.snaplen;
        ctx.eprint(format!(
            "{cooked}{hint}listening on {dev}, link-type {name} ({what}), snapshot length {snaplen} bytes\n"
        ));
        if let Some(path) = options.write.clone() {
            self.unwritten = file::write(self.link, snaplen, &[]);
            if path != "-" {
                let path = crate::workload::fs::resolve(&self.cwd, &path);
                if let Err(error) = ctx.fs.write(&path, &[], false) {
                    self.fail(&format!("{path}: {error}"), ctx);
                }
            }
        }
    }

    fn seen(&mut self, frame: &Frame, ctx: &mut Ctx<'_>) {
        let wanted = self.options().direction.is_none_or(|inwards| inwards == (frame.way != Way::Out));
        if !wanted || self.is_full() {
            return;
        }
        self.names.saw(frame.index, &frame.dev);
        let mut record = Record::of(frame, self.link, ctx.place.epoch);
        record.bytes.truncate(usize::try_from(self.options().snaplen).unwrap_or(usize::MAX));
        self.captured += 1;
        if self.options().write.is_some() {
            // Without the header of a file.
            self.unwritten.extend_from_slice(
                &file::write(self.link, self.options().snaplen, std::slice::from_ref(&record))[24..],
            );
            if self.options().unbuffered || self.unwritten.len() >= BUFFER {
                self.write_out(ctx);
            }
        }
        if self.options().write.is_none() || self.options().print {
            let line = self.printer.packet(&record, self.options.as_ref().expect("they are right"), &self.names);
            ctx.print(line);
        }
        if self.is_full() {
            self.finish(ctx);
        }
    }

    fn is_full(&self) -> bool {
        self.options().count.is_some_and(|count| self.captured >= count)
    }

    fn write_out(&mut self, ctx: &mut Ctx<'_>) {
        let bytes = std::mem::take(&mut self.unwritten);
        match self.options().write.clone().as_deref() {
            Some("-") => ctx.print(bytes),
            Some(path) => {
                let path = crate::workload::fs::resolve(&self.cwd, path);
                // That it can be written was seen when it was opened.
                _ = ctx.fs.write(&path, &bytes, true);
            }
            None => {}
        }
    }

    fn finish(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(fd) = self.fd.take() {
            ctx.net(NetOp::Close { fd });
        }
        self.write_out(ctx);
        let n = self.captured;
        let s = if n == 1 { "" } else { "s" };
        ctx.eprint(format!("{n} packet{s} captured\n{n} packet{s} received by filter\n0 packets dropped by kernel\n"));
        ctx.exit(0);
    }

    /// `-r`.
    fn read(&mut self, path: &str, filter: &Expr, ctx: &mut Ctx<'_>) {
        self.names = Names::read(self.options().numeric, ctx);
        let full = crate::workload::fs::resolve(&self.cwd, path);
        let found = match ctx.fs.read(&full) {
            Ok(bytes) => file::read(&bytes),
            Err(error) => Err(format!("{path}: {error}")),
        };
        let (link, mut records) = match found {
            Ok(found) => found,
            Err(words) => return self.fail(&words, ctx),
        };
        let (name, what) = link.words();
        ctx.eprint(format!("reading from file {path}, link-type {name} ({what}), snapshot length 262144\n"));
        records.retain(|record| {
            let (link, bytes, extra) = record.for_filter();
            filter.passes(&View::new(&bytes, link, extra))
        });
        let most = self.options().count.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
        records.truncate(most);
        // The names of devices are those of now.
        let id = ctx.ids.take();
        self.asked = Some((id, records));
        let argv = vec!["tcpdump".into(), "-D".into(), "--numbers".into()];
        ctx.push(Effect::Query { id, argv, cwd: String::new() });
    }

    fn read_on(&mut self, devices: &str, ctx: &mut Ctx<'_>) {
        let Some((_, records)) = self.asked.take() else { return };
        for (index, name) in devices.lines().filter_map(|line| line.split_once('.')) {
            self.names.saw(index.parse().unwrap_or(0), name);
        }
        let options = self.options.as_ref().expect("they are right");
        if let Some(path) = options.write.clone() {
            let link = records.first().map_or(LinkType::Ethernet, |record| record.link);
            let path = crate::workload::fs::resolve(&self.cwd, &path);
            if let Err(error) = ctx.fs.write(&path, &file::write(link, options.snaplen, &records), false) {
                return self.fail(&format!("{path}: {error}"), ctx);
            }
            return ctx.exit(0);
        }
        let text: String = records.iter().map(|r| self.printer.packet(r, options, &self.names)).collect();
        ctx.print(text);
        ctx.exit(0);
    }

    fn failed(&mut self, error: NetError, ctx: &mut Ctx<'_>) {
        let words = match error {
            NetError::NoDevice => "No such device exists\n(No such device exists)".to_owned(),
            error => error.to_string(),
        };
        let device = self.options().device.clone();
        self.fail(&format!("{device}: {words}"), ctx);
    }
}

impl Program for Tcpdump {
    fn handle(&mut self, input: Input, ctx: &mut Ctx<'_>) {
        if let Err(words) = &self.options {
            ctx.eprint(words);
            return ctx.exit(1);
        }
        match input {
            Input::Start => self.begin(ctx),
            Input::Timer => {
                if let Some((name, lookup)) = self.lookup.take() {
                    let resolved = lookup.timer(ctx);
                    self.resolved(name, resolved, ctx);
                }
            }
            Input::Net(event) => {
                if let Some((name, lookup)) = self.lookup.take() {
                    let resolved = lookup.event(&event, ctx);
                    return self.resolved(name, resolved, ctx);
                }
                match event {
                    NetEvent::Sniffing { fd, dev, link } if Some(fd) == self.fd => self.listening(&dev, link, ctx),
                    NetEvent::Frame { fd, frame } if Some(fd) == self.fd => self.seen(&frame, ctx),
                    NetEvent::Failed { fd, error } if Some(fd) == self.fd => self.failed(error, ctx),
                    _ => {}
                }
            }
            Input::Answer { id, stdout, .. } if self.asked.as_ref().is_some_and(|(asked, _)| *asked == id) => {
                self.read_on(&stdout, ctx);
            }
            Input::Signal(SIGINT) => {
                if self.options().write.is_none() {
                    ctx.print("\n");
                }
                self.finish(ctx);
            }
            Input::Signal(SIGTERM | crate::workload::SIGHUP) => self.finish(ctx),
            Input::Signal(signal) => ctx.exit(128 + signal),
            _ => {}
        }
    }

    fn wake_at(&self) -> Option<Time> {
        self.lookup.as_ref().map(|(_, lookup)| lookup.wake_at())
    }
}
