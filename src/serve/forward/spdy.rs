//! The frames of SPDY/3.1 as far as port-forwarding uses them. Models what `github.com/moby/spdystream` sends and takes.
//!
//! Differs: there is no flow control (nor in spdystream), and headers that are sent are not compressed, only wrapped.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags::TINFL_FLAG_HAS_MORE_INPUT};

/// A frame came in that is none.
#[derive(Debug)]
pub struct Malformed;

/// What comes in.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// A stream begins.
    Open {
        /// Its number.
        stream: u32,
        /// Its headers.
        headers: Vec<(String, String)>,
    },
    /// Bytes of a stream.
    Data {
        /// Its number.
        stream: u32,
        /// The bytes.
        bytes: Vec<u8>,
        /// Whether no more come.
        ends: bool,
    },
    /// A stream is given up.
    Reset(u32),
    /// To be sent back.
    Ping(u32),
}

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const FIN: u8 = 1;
/// No frame of ours is longer.
const LONGEST: usize = 1 << 20;

/// Cuts what comes in into frames.
pub struct Reader {
    bytes: Vec<u8>,
    headers: Inflate,
}

impl Reader {
    /// At the beginning of a connection.
    pub fn new() -> Reader {
        Reader { bytes: Vec::new(), headers: Inflate::new() }
    }

    /// Takes bytes in; what frames are whole now.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, Malformed> {
        self.bytes.extend_from_slice(bytes);
        let mut frames = Vec::new();
        while let Some(head) = self.bytes.first_chunk::<8>().copied() {
            let length = number(&[0, head[5], head[6], head[7]])? as usize;
            if length > LONGEST {
                return Err(Malformed);
            }
            if self.bytes.len() < 8 + length {
                break;
            }
            let payload: Vec<u8> = self.bytes.drain(..8 + length).skip(8).collect();
            frames.extend(self.frame(&head, payload)?);
        }
        Ok(frames)
    }

    fn frame(&mut self, head: &[u8; 8], payload: Vec<u8>) -> Result<Option<Frame>, Malformed> {
        if head[0] & 0x80 == 0 {
            return Ok(Some(Frame::Data { stream: number(head)?, bytes: payload, ends: head[4] & FIN != 0 }));
        }
        Ok(match u16::from_be_bytes([head[2], head[3]]) {
            SYN_STREAM => {
                let block = self.headers.inflate(payload.get(10..).ok_or(Malformed)?)?;
                Some(Frame::Open { stream: number(&payload)?, headers: pairs(&block)? })
            }
            RST_STREAM => Some(Frame::Reset(number(&payload)?)),
            PING => Some(Frame::Ping(number(&payload)?)),
            // Settings, windows and farewells change nothing here.
            _ => None,
        })
    }
}

/// The number at the beginning of some bytes.
fn number(bytes: &[u8]) -> Result<u32, Malformed> {
    bytes.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes)).ok_or(Malformed)
}

/// The names and values of a block of headers.
fn pairs(block: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
    let mut rest = block.get(4..).ok_or(Malformed)?;
    let mut text = || {
        let (text, after) =
            rest[..].get(4..).ok_or(Malformed)?.split_at_checked(number(rest)? as usize).ok_or(Malformed)?;
        rest = after;
        Ok(String::from_utf8_lossy(text).into_owned())
    };
    (0..number(block)?).map(|_| Ok((text()?, text()?))).collect()
}

/// Undoes the compression of headers, which goes on from block to block.
struct Inflate {
    state: Box<DecompressorOxide>,
    /// The last that came out, first of all what SPDY has both ends know.
    window: Vec<u8>,
    at: usize,
    began: bool,
}

const WINDOW: usize = 1 << 15;
/// A block of headers is never longer.
const MOST: usize = 1 << 14;

impl Inflate {
    fn new() -> Inflate {
        let mut window = known();
        let at = window.len();
        window.resize(WINDOW, 0);
        Inflate { state: Box::default(), window, at, began: false }
    }

    fn inflate(&mut self, mut bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
        if !std::mem::replace(&mut self.began, true) {
            // The header of zlib, and the checksum of what both ends know.
            bytes = bytes.get(6..).ok_or(Malformed)?;
        }
        let mut text = Vec::new();
        loop {
            let (status, read, wrote) =
                decompress(&mut self.state, bytes, &mut self.window, self.at, TINFL_FLAG_HAS_MORE_INPUT);
            text.extend_from_slice(&self.window[self.at..self.at + wrote]);
            self.at = (self.at + wrote) % WINDOW;
            bytes = &bytes[read..];
            match status {
                TINFLStatus::HasMoreOutput if text.len() <= MOST => {}
                TINFLStatus::NeedsMoreInput => return Ok(text),
                _ => return Err(Malformed),
            }
        }
    }
}

/// What both ends know before the first header: section 2.6.10.1 of the SPDY protocol, draft 3.
fn known() -> Vec<u8> {
    const WORDS: &str = "options,head,post,put,delete,trace,accept,accept-charset,accept-encoding,accept-language,\
        accept-ranges,age,allow,authorization,cache-control,connection,content-base,content-encoding,content-language,\
        content-length,content-location,content-md5,content-range,content-type,date,etag,expect,expires,from,host,if-match,\
        if-modified-since,if-none-match,if-range,if-unmodified-since,last-modified,location,max-forwards,pragma,\
        proxy-authenticate,proxy-authorization,range,referer,retry-after,server,te,trailer,transfer-encoding,upgrade,\
        user-agent,vary,via,warning,www-authenticate,method,get,status,200 OK,version,HTTP/1.1,url,public,set-cookie,\
        keep-alive,origin";
    const REST: &str = "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505\
        203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden\
        404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug \
        Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,\
        application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdch\
        charset=utf-8charset=iso-8859-1,utf-,*,enq=0.";
    let mut known = Vec::new();
    for word in WORDS.split(',') {
        known.extend_from_slice(&[0, 0, 0, word.len() as u8]);
        known.extend_from_slice(word.as_bytes());
    }
    known.extend_from_slice(REST.as_bytes());
    known
}

/// Makes frames.
#[derive(Default)]
pub struct Writer {
    began: bool,
}

impl Writer {
    /// A stream is taken, without headers.
    pub fn reply(&mut self, stream: u32) -> Vec<u8> {
        let mut payload = stream.to_be_bytes().to_vec();
        if !std::mem::replace(&mut self.began, true) {
            payload.extend_from_slice(&[0x78, 0x01]);
        }
        // A stored block of four bytes: no pairs. Then an empty one, at which whoever reads has them (a sync flush).
        payload.extend_from_slice(&[0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0]);
        payload.extend_from_slice(&[0, 0, 0, 0xff, 0xff]);
        control(SYN_REPLY, &payload)
    }

    /// Bytes of a stream.
    pub fn data(stream: u32, bytes: &[u8], ends: bool) -> Vec<u8> {
        let mut frame = stream.to_be_bytes().to_vec();
        frame.push(u8::from(ends) * FIN);
        frame.extend_from_slice(&(bytes.len() as u32).to_be_bytes()[1..]);
        frame.extend_from_slice(bytes);
        frame
    }

    /// The answer to a ping.
    pub fn ping(id: u32) -> Vec<u8> {
        control(PING, &id.to_be_bytes())
    }
}

fn control(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80, 3];
    frame.extend_from_slice(&kind.to_be_bytes());
    frame.extend_from_slice(&(payload.len() as u32).to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_ends_know_is_as_long_as_the_protocol_has_it() {
        assert_eq!(known().len(), 1_423);
    }

    #[test]
    fn frames_are_found_in_pieces_and_nonsense_is_refused() {
        let whole = [Writer::data(3, b"abc", true), Writer::ping(7)].concat();
        let mut reader = Reader::new();
        let mut frames = reader.take(&whole[..9]).expect("a beginning");
        assert_eq!(frames, []);
        frames.extend(reader.take(&whole[9..]).expect("the rest"));
        let data = Frame::Data { stream: 3, bytes: b"abc".to_vec(), ends: true };
        assert_eq!(frames, [data, Frame::Ping(7)]);
        assert!(Reader::new().take(&control(SYN_STREAM, &[0; 20])).is_err());
        assert!(Reader::new().take(&[0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff]).is_err());
    }
}
