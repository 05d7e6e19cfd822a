//! TLS 1.3 between programs: one full handshake, then records, as they look on the wire.
//!
//! ```text
//! client                                        server
//! ClientHello                              ->
//!                  ServerHello, ChangeCipherSpec,
//!        {EncryptedExtensions, Certificate, CertificateVerify, Finished}
//!                                          <-
//! ChangeCipherSpec, {Finished}, {data}     ->
//!                                          <-   {data}
//! ```
//!
//! Models RFC 8446 with X25519 and TLS_AES_128_GCM_SHA256. Differs: what is in braces is enciphered with a stream that comes of
//! the two randoms, which everybody on the way can read, and nobody signs anything. So a capture shows what a capture shows,
//! a changed byte is noticed, and nothing is secret.

use std::net::Ipv4Addr;

use crate::sim::{Rng, digest_of};

/// The most that a record carries.
const MOST: usize = 16_384;
/// What a sealed record has beside what it carries: the type inside and the tag.
const BESIDE: usize = 17;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const ENCRYPTED_EXTENSIONS: u8 = 8;
const CERTIFICATE: u8 = 11;
const CERTIFICATE_VERIFY: u8 = 15;
const FINISHED: u8 = 20;

/// TLS_AES_128_GCM_SHA256.
const SUITE: [u8; 2] = [0x13, 0x01];
/// The group of the key shares.
const X25519: [u8; 2] = [0x00, 0x1d];
/// ecdsa_secp256r1_sha256.
const SIGNED_WITH: [u8; 2] = [0x04, 0x03];

/// `close_notify`.
pub const CLOSE: u8 = 0;
/// `unexpected_message`.
const UNEXPECTED: u8 = 10;
/// `bad_record_mac`.
pub const BAD_MAC: u8 = 20;
/// `unknown_ca`: a client does not trust the certificate.
pub const UNKNOWN_CA: u8 = 48;

/// What a server says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Certificate {
    /// The common name.
    pub subject: String,
    /// Names and addresses that it stands for.
    pub names: Vec<String>,
    /// The authority's certificate in PEM.
    pub issuer: String,
    /// From when on it holds, in seconds since the Unix epoch.
    pub from: i64,
    /// Until when.
    pub until: i64,
}

/// Why a client does not trust a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Distrust {
    /// Nobody whom it trusts has issued it.
    UnknownAuthority,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYet,
    /// It is for another name.
    OtherName,
}

impl Certificate {
    /// Whether a client that trusts the authorities of `pem` and means `host` may trust it at `now` (Unix seconds).
    ///
    /// # Errors
    /// Why not; in the order in which OpenSSL looks.
    pub fn check(&self, pem: &str, host: &str, now: i64) -> Result<(), Distrust> {
        if !pem.contains(self.issuer.trim()) {
            return Err(Distrust::UnknownAuthority);
        }
        if now < self.from {
            return Err(Distrust::NotYet);
        }
        if now > self.until {
            return Err(Distrust::Expired);
        }
        if self.names.iter().any(|name| name.eq_ignore_ascii_case(host)) { Ok(()) } else { Err(Distrust::OtherName) }
    }

    fn encode(&self) -> Vec<u8> {
        format!("{}\n{}\n{}\n{}\n{}", self.from, self.until, self.subject, self.names.join(","), self.issuer)
            .into_bytes()
    }

    fn decode(bytes: &[u8]) -> Option<Certificate> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut parts = text.splitn(5, '\n');
        let (from, until) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let subject = parts.next()?.to_owned();
        let names = parts.next()?.split(',').map(str::to_owned).collect();
        Some(Certificate { subject, names, issuer: parts.next()?.to_owned(), from, until })
    }
}

/// Why a conversation cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsError {
    /// What came is no TLS.
    NotTls,
    /// What came is not what was to come, or it was changed on the way. The alert that was to be sent.
    Broken(u8),
    /// The other side gave up, with this alert.
    Alert(u8),
}

/// What came of bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// What is to be sent.
    pub reply: Vec<u8>,
    /// The server's certificate; the client may send from now on.
    pub certificate: Option<Certificate>,
    /// What the other side says.
    pub data: Vec<u8>,
    /// Whether it says no more.
    pub closes: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// Its first message is to come.
    Hello,
    /// Its last message of the handshake is to come.
    Finished,
    Open,
}

/// One side of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tls {
    /// The certificate that a server shows; none at a client.
    shows: Option<Certificate>,
    /// What a client has been shown.
    seen: Option<Certificate>,
    stage: Stage,
    random: [u8; 32],
    secret: u64,
    sealed: u64,
    opened: u64,
    buffer: Vec<u8>,
}

impl Tls {
    /// A client's side, and what it says first to the server called `host`.
    pub fn client(host: &str, rng: &mut Rng) -> (Tls, Vec<u8>) {
        let tls = Tls::new(None, rng);
        let hello = record(HANDSHAKE, 1, &client_hello(host, &tls.random, rng));
        (tls, hello)
    }

    /// A server's side.
    pub fn server(certificate: Certificate, rng: &mut Rng) -> Tls {
        Tls::new(Some(certificate), rng)
    }

    fn new(shows: Option<Certificate>, rng: &mut Rng) -> Tls {
        let random = random(rng);
        Tls { shows, seen: None, stage: Stage::Hello, random, secret: 0, sealed: 0, opened: 0, buffer: Vec::new() }
    }

    /// Whether data can be sent.
    pub fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// Takes in what came over the connection.
    ///
    /// # Errors
    /// The conversation is over.
    pub fn take(&mut self, bytes: &[u8], rng: &mut Rng) -> Result<Heard, TlsError> {
        self.buffer.extend_from_slice(bytes);
        let mut heard = Heard::default();
        while let Some((kind, body)) = self.record()? {
            match (kind, &self.stage) {
                (CHANGE_CIPHER_SPEC, _) => {}
                (ALERT, Stage::Hello) => return Err(TlsError::Alert(body.get(1).copied().unwrap_or(UNEXPECTED))),
                (HANDSHAKE, Stage::Hello) => self.hello(&body, &mut heard, rng)?,
                (DATA, Stage::Finished | Stage::Open) => {
                    let (kind, body) = self.open(&body)?;
                    self.sealed_record(kind, &body, &mut heard)?;
                }
                _ => return Err(TlsError::Broken(UNEXPECTED)),
            }
        }
        Ok(heard)
    }

    /// The next whole record: its type and its body.
    fn record(&mut self) -> Result<Option<(u8, Vec<u8>)>, TlsError> {
        let Some(kind) = self.buffer.first().copied() else { return Ok(None) };
        if !(CHANGE_CIPHER_SPEC..=DATA).contains(&kind) || self.buffer.get(1).is_some_and(|major| *major != 3) {
            return Err(TlsError::NotTls);
        }
        let Some(size) = self.buffer.get(3..5).map(|b| usize::from(u16::from_be_bytes([b[0], b[1]]))) else {
            return Ok(None);
        };
        let Some(body) = self.buffer.get(5..5 + size).map(<[u8]>::to_vec) else { return Ok(None) };
        self.buffer.drain(..5 + size);
        Ok(Some((kind, body)))
    }

    /// The other side's first message.
    fn hello(&mut self, body: &[u8], heard: &mut Heard, rng: &mut Rng) -> Result<(), TlsError> {
        let expected = if self.shows.is_some() { CLIENT_HELLO } else { SERVER_HELLO };
        let session = body.get(38).map(|len| usize::from(*len));
        let (Some(other), Some(session)) = (body.get(6..38), session.and_then(|len| body.get(39..39 + len))) else {
            return Err(TlsError::Broken(UNEXPECTED));
        };
        if body[0] != expected {
            return Err(TlsError::Broken(UNEXPECTED));
        }
        let own = self.random.as_slice();
        let (client, server) = if self.shows.is_some() { (other, own) } else { (own, other) };
        self.secret = digest_of(&(client, server)).0;
        self.stage = Stage::Finished;
        let Some(certificate) = &self.shows else { return Ok(()) };
        let messages = flight(certificate, rng);
        heard.reply.extend(record(HANDSHAKE, 3, &server_hello(session, &self.random, rng)));
        heard.reply.extend(record(CHANGE_CIPHER_SPEC, 3, &[1]));
        for message in messages {
            heard.reply.extend(self.sealed(HANDSHAKE, &message));
        }
        Ok(())
    }

    /// What was in a sealed record.
    fn sealed_record(&mut self, kind: u8, body: &[u8], heard: &mut Heard) -> Result<(), TlsError> {
        match kind {
            DATA if self.stage == Stage::Open => heard.data.extend_from_slice(body),
            ALERT if body.get(1) == Some(&CLOSE) => heard.closes = true,
            ALERT => return Err(TlsError::Alert(body.get(1).copied().unwrap_or(UNEXPECTED))),
            HANDSHAKE => match body.first().copied() {
                Some(CERTIFICATE) if self.shows.is_none() => {
                    // Context, length of the list, length of the first entry.
                    self.seen = body.get(11..body.len() - 2).and_then(Certificate::decode);
                }
                Some(FINISHED) => self.finished(heard)?,
                _ => {}
            },
            _ => return Err(TlsError::Broken(UNEXPECTED)),
        }
        Ok(())
    }

    fn finished(&mut self, heard: &mut Heard) -> Result<(), TlsError> {
        self.stage = Stage::Open;
        if self.shows.is_none() {
            heard.certificate = Some(self.seen.take().ok_or(TlsError::Broken(UNEXPECTED))?);
            heard.reply.extend(record(CHANGE_CIPHER_SPEC, 3, &[1]));
            let verify = message(FINISHED, &stream(self.secret, "finished", 1).take(32).collect::<Vec<u8>>());
            heard.reply.extend(self.sealed(HANDSHAKE, &verify));
        }
        Ok(())
    }

    /// Data as it goes over the connection.
    pub fn seal(&mut self, data: &[u8]) -> Vec<u8> {
        data.chunks(MOST).flat_map(|part| self.sealed(DATA, part)).collect()
    }

    /// The alert with which this side gives up, or says that it has nothing more to say.
    pub fn alert(&mut self, error: Option<TlsError>) -> Vec<u8> {
        let body = match error {
            None => [1, CLOSE],
            Some(TlsError::Broken(code)) => [2, code],
            Some(TlsError::NotTls | TlsError::Alert(_)) => return Vec::new(),
        };
        if self.stage == Stage::Hello { record(ALERT, 3, &body) } else { self.sealed(ALERT, &body) }
    }

    fn sealed(&mut self, kind: u8, body: &[u8]) -> Vec<u8> {
        self.sealed += 1;
        let plain: Vec<u8> = body.iter().copied().chain([kind]).collect();
        let tag = stream(digest_of(&(self.secret, self.sealed, plain.as_slice())).0, "tag", 0).take(16);
        let key = stream(self.secret, side(self.shows.is_some()), self.sealed);
        let mut sealed: Vec<u8> = plain.iter().zip(key).map(|(byte, key)| byte ^ key).collect();
        sealed.extend(tag);
        record(DATA, 3, &sealed)
    }

    fn open(&mut self, sealed: &[u8]) -> Result<(u8, Vec<u8>), TlsError> {
        self.opened += 1;
        let Some(size) = sealed.len().checked_sub(BESIDE) else { return Err(TlsError::Broken(BAD_MAC)) };
        let key = stream(self.secret, side(self.shows.is_none()), self.opened);
        let mut plain: Vec<u8> = sealed[..=size].iter().zip(key).map(|(byte, key)| byte ^ key).collect();
        let tag = stream(digest_of(&(self.secret, self.opened, plain.as_slice())).0, "tag", 0).take(16);
        if !tag.eq(sealed[size + 1..].iter().copied()) {
            return Err(TlsError::Broken(BAD_MAC));
        }
        let kind = plain.pop().expect("it has the type at least");
        Ok((kind, plain))
    }
}

fn side(is_server: bool) -> &'static str {
    if is_server { "server" } else { "client" }
}

/// The bytes with which a record is enciphered.
fn stream(secret: u64, name: &str, number: u64) -> impl Iterator<Item = u8> {
    let mut rng = Rng::stream(secret ^ number, name);
    std::iter::repeat_with(move || rng.next_u64().to_be_bytes()).flatten()
}

fn random<const N: usize>(rng: &mut Rng) -> [u8; N] {
    std::array::from_fn(|_| u8::try_from(rng.below(256)).expect("below 256"))
}

fn record(kind: u8, minor: u8, body: &[u8]) -> Vec<u8> {
    let size = u16::try_from(body.len()).expect("a record is at most 16 KB and a little");
    [[kind, 3, minor].as_slice(), &size.to_be_bytes(), body].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len()).expect("a message is short").to_be_bytes();
    [[kind].as_slice(), &size[1..], body].concat()
}

/// A list with its length before it, in two bytes.
fn list(body: &[u8]) -> Vec<u8> {
    let size = u16::try_from(body.len()).expect("a list is short");
    [size.to_be_bytes().as_slice(), body].concat()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [kind.to_be_bytes().as_slice(), &list(body)].concat()
}

fn client_hello(host: &str, random: &[u8; 32], rng: &mut Rng) -> Vec<u8> {
    let session = self::random::<32>(rng);
    let share = self::random::<32>(rng);
    let mut extensions = Vec::new();
    // Addresses are not named.
    if host.parse::<Ipv4Addr>().is_err() {
        extensions.extend(extension(0, &list(&[[0].as_slice(), &list(host.as_bytes())].concat())));
    }
    extensions.extend(extension(10, &list(&X25519)));
    extensions.extend(extension(13, &list(&[SIGNED_WITH, [0x08, 0x04], [0x04, 0x01]].concat())));
    extensions.extend(extension(16, &list(b"\x08http/1.1")));
    extensions.extend(extension(43, &[2, 3, 4]));
    extensions.extend(extension(45, &[1, 1]));
    extensions.extend(extension(51, &list(&[X25519.as_slice(), &list(&share)].concat())));
    let body = [[3, 3].as_slice(), random, &[32], &session, &list(&SUITE), &[1, 0], &list(&extensions)].concat();
    message(CLIENT_HELLO, &body)
}

fn server_hello(session: &[u8], random: &[u8; 32], rng: &mut Rng) -> Vec<u8> {
    let share = self::random::<32>(rng);
    let mut extensions = extension(43, &[3, 4]);
    extensions.extend(extension(51, &[X25519.as_slice(), &list(&share)].concat()));
    let size = u8::try_from(session.len()).expect("a length of one byte");
    let body = [[3, 3].as_slice(), random, &[size], session, &SUITE, &[0], &list(&extensions)].concat();
    message(SERVER_HELLO, &body)
}

/// The server's messages after its hello.
fn flight(certificate: &Certificate, rng: &mut Rng) -> [Vec<u8>; 4] {
    let words = certificate.encode();
    let long = |body: &[u8]| {
        let size = u32::try_from(body.len()).expect("a certificate is short").to_be_bytes();
        [&size[1..], body].concat()
    };
    let entry = [long(&words).as_slice(), &[0, 0]].concat();
    let signature = random::<71>(rng);
    [
        message(ENCRYPTED_EXTENSIONS, &list(&extension(16, &list(b"\x08http/1.1")))),
        message(CERTIFICATE, &[[0].as_slice(), &long(&entry)].concat()),
        message(CERTIFICATE_VERIFY, &[SIGNED_WITH.as_slice(), &list(&signature)].concat()),
        message(FINISHED, &random::<32>(rng)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate() -> Certificate {
        Certificate {
            subject: "kube-apiserver".into(),
            names: vec!["kubernetes".into(), "10.96.0.1".into()],
            issuer: "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n".into(),
            from: 100,
            until: 200,
        }
    }

    /// Both sides, after a handshake in which the bytes came one by one.
    fn open(rng: &mut Rng) -> (Tls, Tls) {
        let (mut client, hello) = Tls::client("kubernetes", rng);
        let mut server = Tls::server(certificate(), rng);
        let mut answer = Vec::new();
        for byte in hello {
            answer.extend(server.take(&[byte], rng).expect("it is TLS").reply);
        }
        let heard = client.take(&answer, rng).expect("it is TLS");
        assert_eq!(heard.certificate, Some(certificate()));
        server.take(&heard.reply, rng).expect("it is TLS");
        assert!(client.is_open() && server.is_open());
        (client, server)
    }

    #[test]
    fn both_sides_understand_each_other_and_nobody_else_does() {
        let mut rng = Rng::stream(1, "tls");
        let (mut client, mut server) = open(&mut rng);
        for text in ["GET / HTTP/1.1\r\n\r\n".to_owned(), "x".repeat(40_000)] {
            let sealed = client.seal(text.as_bytes());
            assert!(!sealed.windows(5).any(|w| w == &text.as_bytes()[..5]), "it can be read on the way");
            assert_eq!(server.take(&sealed, &mut rng).expect("it was not changed").data, text.as_bytes());
            let back = server.seal(text.as_bytes());
            assert_eq!(client.take(&back, &mut rng).expect("it was not changed").data, text.as_bytes());
        }
        let bye = client.alert(None);
        assert!(server.take(&bye, &mut rng).expect("an end is no error").closes);
    }

    #[test]
    fn what_was_changed_on_the_way_and_what_is_no_tls_are_noticed() {
        let mut rng = Rng::stream(2, "tls");
        let (mut client, mut server) = open(&mut rng);
        let mut sealed = client.seal(b"hello");
        sealed[7] ^= 1;
        assert_eq!(server.take(&sealed, &mut rng), Err(TlsError::Broken(BAD_MAC)));
        let mut other = Tls::server(certificate(), &mut rng);
        assert_eq!(other.take(b"GET / HTTP/1.1\r\n", &mut rng), Err(TlsError::NotTls));
        let (mut asking, _) = Tls::client("web", &mut rng);
        assert_eq!(asking.take(b"HTTP/1.1 400 Bad Request\r\n", &mut rng), Err(TlsError::NotTls));
    }

    #[test]
    fn a_certificate_is_looked_at_as_openssl_does() {
        let (shown, pem) = (certificate(), certificate().issuer);
        for (pem, host, now, want) in [
            (pem.as_str(), "kubernetes", 150, Ok(())),
            (&pem, "10.96.0.1", 150, Ok(())),
            ("", "kubernetes", 150, Err(Distrust::UnknownAuthority)),
            (&pem, "kubernetes", 99, Err(Distrust::NotYet)),
            (&pem, "kubernetes", 201, Err(Distrust::Expired)),
            (&pem, "10.96.0.2", 150, Err(Distrust::OtherName)),
        ] {
            assert_eq!(shown.check(pem, host, now), want, "{host} at {now}");
        }
    }
}
