//! Processes on a made-up network, for tests: bytes arrive after a millisecond, a port without a listener refuses.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use crate::sim::{Rng, Span, Time, VecMap};
use crate::workload::dns::Zone;
use crate::workload::process::Program as _;
use crate::workload::{
    Ctx, Effect, Family, Fd, File, Fs, Ids, Input, NetError, NetEvent, NetOp, Place, Process, Spec, image, registry,
};

/// What a machine of the bench has become.
pub struct Machine {
    place: Place,
    fs: Fs,
    ids: Ids,
    process: Option<Process>,
    /// Standard output so far.
    pub stdout: String,
    /// Standard error so far.
    pub stderr: String,
    /// The exit code, once it is over.
    pub code: Option<u8>,
    ports: VecMap<u16, Fd>,
    peers: VecMap<Fd, (usize, Fd)>,
    bound: VecMap<Fd, u16>,
}

/// The bench.
pub struct Bench {
    /// The machines; each has the address 10.0.0.(1 + its index).
    pub machines: Vec<Machine>,
    /// The time.
    pub now: Time,
    rng: Rng,
    queue: VecDeque<(Time, usize, Input)>,
    next_port: u16,
}

impl Default for Bench {
    fn default() -> Bench {
        Bench {
            machines: Vec::new(),
            now: Time::ZERO,
            rng: Rng::stream(3, "bench"),
            queue: VecDeque::new(),
            next_port: 40_000,
        }
    }
}

impl Bench {
    /// An empty bench.
    pub fn new() -> Bench {
        Bench::default()
    }

    /// Adds a machine that runs `command` (empty for the image's own) of `image`; answers its index.
    pub fn start(&mut self, image: &str, command: &[&str], files: &[(&str, &str)]) -> usize {
        let index = self.machines.len();
        let name = image::parse(image).expect("a test's image has a name");
        let info = name.info();
        let place = Place {
            image: image.into(),
            family: info.family,
            hostname: format!("m{index}"),
            ip: Some(address(index)),
            pod: format!("m{index}").as_str().into(),
            namespace: "default".into(),
            tcp_ports: vec![8080],
            epoch: 1_767_225_600,
            ..Place::default()
        };
        let mut fs = registry::files(&place);
        files.iter().for_each(|(path, data)| fs.put(path, File::of(data)));
        let own = || info.entrypoint.iter().chain(info.cmd).map(|w| (*w).to_owned()).collect();
        let argv = if command.is_empty() { own() } else { command.iter().map(|w| (*w).to_owned()).collect() };
        let spec = Spec { argv, env: registry::env(&place), cwd: "/".into() };
        let process = registry::start(&spec, &place, &fs).expect("the program is there");
        let machine = Machine {
            place,
            fs,
            ids: Ids::default(),
            process: Some(process),
            stdout: String::new(),
            stderr: String::new(),
            code: None,
            ports: VecMap::new(),
            peers: VecMap::new(),
            bound: VecMap::new(),
        };
        self.machines.push(machine);
        self.input(index, Input::Start);
        self.input(index, Input::StdinEnd);
        index
    }

    /// Gives a DNS server its records.
    pub fn zone(&mut self, index: usize, zone: Zone) {
        self.input(index, Input::DnsRecords(Arc::new(zone)));
    }

    /// Runs `command` on a new machine of `image` until it ends or a minute has passed: output, errors, code.
    pub fn run(&mut self, image: &str, command: &[&str], files: &[(&str, &str)]) -> (String, String, Option<u8>) {
        let index = self.start(image, command, files);
        let end = self.now + Span::secs(60);
        self.pass(end, Some(index));
        let machine = &self.machines[index];
        (machine.stdout.clone(), machine.stderr.clone(), machine.code)
    }

    /// Lets time pass up to `end`, or until a machine's process is over.
    pub fn pass(&mut self, end: Time, until: Option<usize>) {
        while until.is_none_or(|m| self.machines[m].code.is_none()) {
            let wakes = self.machines.iter().filter_map(|m| m.process.as_ref()?.wake_at());
            let queued = self.queue.front().map(|(at, ..)| *at);
            let Some(at) = wakes.chain(queued).min().filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            while self.queue.front().is_some_and(|(at, ..)| *at <= self.now) {
                let (_, machine, input) = self.queue.pop_front().expect("it was there");
                self.input(machine, input);
            }
            for machine in 0..self.machines.len() {
                let due =
                    self.machines[machine].process.as_ref().and_then(|p| p.wake_at()).is_some_and(|at| at <= self.now);
                if due {
                    self.input(machine, Input::Timer);
                }
            }
        }
        if until.is_none() {
            self.now = end;
        }
    }

    fn input(&mut self, index: usize, input: Input) {
        let machine = &mut self.machines[index];
        let Some(process) = machine.process.as_mut() else { return };
        let mut out = Vec::new();
        let mut ctx = Ctx {
            now: self.now,
            fs: &mut machine.fs,
            rng: &mut self.rng,
            ids: &mut machine.ids,
            place: &machine.place,
            procs: &[],
            out: &mut out,
        };
        process.handle(input, &mut ctx);
        for effect in out {
            let machine = &mut self.machines[index];
            match effect {
                Effect::Stdout(bytes) => machine.stdout += &String::from_utf8_lossy(&bytes),
                Effect::Stderr(bytes) => machine.stderr += &String::from_utf8_lossy(&bytes),
                Effect::Exit(code) => {
                    machine.code = Some(code);
                    machine.process = None;
                    machine.ports.clear();
                }
                Effect::Net(op) => self.net(index, op),
                Effect::Compute { cost, then: Some(what) } => self.later(self.now + cost, index, Input::Computed(what)),
                _ => {}
            }
        }
    }

    fn tell(&mut self, machine: usize, event: NetEvent) {
        self.later(self.now + Span::millis(1), machine, Input::Net(event));
    }

    fn later(&mut self, at: Time, machine: usize, input: Input) {
        let place = self.queue.partition_point(|(known, ..)| *known <= at);
        self.queue.insert(place, (at, machine, input));
    }

    fn net(&mut self, index: usize, op: NetOp) {
        match op {
            NetOp::Listen { fd, port } | NetOp::Bind { fd, port } => {
                self.next_port += 1;
                let port = if port == 0 { self.next_port } else { port };
                self.machines[index].ports.insert(port, fd);
                self.machines[index].bound.insert(fd, port);
            }
            NetOp::Connect { fd, to } => self.connect(index, fd, to),
            NetOp::Send { fd, bytes } => {
                if let Some((peer, other)) = self.machines[index].peers.get(&fd).copied() {
                    self.tell(peer, NetEvent::Data { fd: other, bytes });
                }
            }
            NetOp::SendTo { fd, to, bytes } => {
                let from = SocketAddrV4::new(address(index), self.machines[index].bound.get(&fd).copied().unwrap_or(0));
                match self.listener(to) {
                    Some((peer, other)) => self.tell(peer, NetEvent::Datagram { fd: other, from, bytes }),
                    None => self.tell(index, NetEvent::Failed { fd, error: NetError::Refused }),
                }
            }
            NetOp::Ping { fd, to, seq, .. } => {
                if self.machine_of(to).is_some() {
                    self.tell(index, NetEvent::Pong { fd, from: to, seq, ttl: 64 });
                }
            }
            // Nobody probes, and there are no devices to listen at.
            NetOp::Probe { .. } | NetOp::Sniff { .. } => {}
            NetOp::Close { fd } => {
                if let Some((peer, other)) = self.machines[index].peers.remove(&fd) {
                    self.tell(peer, NetEvent::Ended { fd: other });
                }
            }
        }
    }

    fn connect(&mut self, index: usize, fd: Fd, to: SocketAddrV4) {
        let Some((peer, listener)) = self.listener(to) else {
            return self.tell(index, NetEvent::Failed { fd, error: NetError::Refused });
        };
        let other = Fd(self.machines[peer].ids.take());
        self.machines[index].peers.insert(fd, (peer, other));
        self.machines[peer].peers.insert(other, (index, fd));
        self.next_port += 1;
        let local = SocketAddrV4::new(address(index), self.next_port);
        self.tell(peer, NetEvent::Accepted { listener, fd: other, peer: local });
        self.tell(index, NetEvent::Connected { fd, local });
    }

    fn machine_of(&self, ip: Ipv4Addr) -> Option<usize> {
        (0..self.machines.len()).find(|m| address(*m) == ip)
    }

    fn listener(&self, to: SocketAddrV4) -> Option<(usize, Fd)> {
        let machine = self.machine_of(*to.ip())?;
        Some((machine, *self.machines[machine].ports.get(&to.port())?))
    }
}

/// The address of a machine.
pub fn address(index: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, u8::try_from(index + 1).expect("a bench is small"))
}

/// The family of an image, for tests.
pub fn family(image: &str) -> Family {
    image::parse(image).expect("a test's image has a name").info().family
}
