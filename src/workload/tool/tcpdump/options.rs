//! The options of tcpdump, and the dumps of bytes that some of them ask for.

use std::fmt::Write as _;

/// What the command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// `-i`.
    pub device: String,
    /// `-c`.
    pub count: Option<u32>,
    /// `-n`.
    pub numeric: bool,
    /// `-e`: the link's header.
    pub link: bool,
    /// How many `-v`.
    pub verbose: u32,
    /// How many `-q`.
    pub quiet: u32,
    /// How many `-t`.
    pub time: u32,
    /// `-S`: sequence numbers as they are.
    pub absolute: bool,
    /// `-x` or `-X`, with the second letter the link's header too.
    pub hex: bool,
    /// `-X` or `-A`: as text.
    pub ascii: bool,
    /// Whether the link's header is dumped.
    pub with_header: bool,
    /// `-w`.
    pub write: Option<String>,
    /// `-r`.
    pub read: Option<String>,
    /// `-U`.
    pub unbuffered: bool,
    /// `-Q`: `in` or `out` only.
    pub direction: Option<bool>,
    /// `-s`.
    pub snaplen: u32,
    /// `--print`.
    pub print: bool,
    /// The filter.
    pub filter: String,
}

/// What tcpdump says if the command line is none.
const USAGE: &str = "Usage: tcpdump [-AdDeflnNOpqStuUvxX] [-c count] [-i interface] [-Q in|out|inout] [-r file]
		[-s snaplen] [-w file] [--print] [expression]
";

impl Options {
    /// Reads the arguments.
    ///
    /// # Errors
    /// They are none; the words are tcpdump's.
    pub fn parse(args: &[String]) -> Result<Options, String> {
        let mut options = Options { snaplen: 262_144, ..Options::default() };
        let mut filter: Vec<&str> = Vec::new();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.strip_prefix('-') {
                Some("-print") => options.print = true,
                Some("-immediate-mode") => {}
                Some(long) if long.starts_with('-') => {
                    return Err(format!("tcpdump: unrecognized option '{arg}'\n{USAGE}"));
                }
                Some(flags) if filter.is_empty() && !flags.is_empty() => {
                    for (at, letter) in flags.char_indices() {
                        if !"icwrsQBy".contains(letter) {
                            options.flag(letter)?;
                            continue;
                        }
                        let rest = &flags[at + 1..];
                        let value = if rest.is_empty() { args.next().map(String::as_str) } else { Some(rest) };
                        let Some(value) = value else {
                            return Err(format!("tcpdump: option requires an argument -- '{letter}'\n{USAGE}"));
                        };
                        options.value(letter, value)?;
                        break;
                    }
                }
                _ => filter.push(arg),
            }
        }
        options.filter = filter.join(" ");
        Ok(options)
    }

    fn flag(&mut self, letter: char) -> Result<(), String> {
        match letter {
            'n' => self.numeric = true,
            'e' => self.link = true,
            'v' => self.verbose += 1,
            'q' => self.quiet += 1,
            't' => self.time += 1,
            'S' => self.absolute = true,
            'x' | 'X' => {
                self.with_header = self.hex;
                self.hex = true;
                self.ascii |= letter == 'X';
            }
            'A' => self.ascii = true,
            'U' => self.unbuffered = true,
            'l' | 'p' | 'K' | 'N' | 'f' | 'O' | 'u' => {}
            'd' => return Err("tcpdump: -d is not simulated: there is no BPF code to show\n".into()),
            _ => return Err(format!("tcpdump: invalid option -- '{letter}'\n{USAGE}")),
        }
        Ok(())
    }

    fn value(&mut self, letter: char, value: &str) -> Result<(), String> {
        match letter {
            'i' => value.clone_into(&mut self.device),
            'c' => match value.parse().ok().filter(|n| *n > 0) {
                Some(n) => self.count = Some(n),
                None => return Err(format!("tcpdump: invalid packet count {value}\n")),
            },
            'w' => self.write = Some(value.to_owned()),
            'r' => self.read = Some(value.to_owned()),
            's' => match value.parse::<u32>() {
                Ok(0) => {}
                Ok(n) => self.snaplen = n.min(262_144),
                Err(_) => return Err(format!("tcpdump: invalid snaplen {value}\n")),
            },
            'Q' => {
                self.direction = match value {
                    "in" => Some(true),
                    "out" => Some(false),
                    "inout" => None,
                    _ => return Err(format!("tcpdump: unknown capture direction '{value}'\n")),
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The bytes of a packet as asked for, each line after a line break.
    pub fn dump(&self, bytes: &[u8]) -> String {
        let mut text = String::new();
        if !self.hex {
            if self.ascii {
                text.push('\n');
                text.extend(bytes.iter().enumerate().filter_map(|(at, b)| match b {
                    b'\r' if bytes.get(at + 1) == Some(&b'\n') => None,
                    b'\n' | b'\t' | b' ' => Some(char::from(*b)),
                    b => Some(printable(*b)),
                }));
            }
            return text;
        }
        for (line, bytes) in bytes.chunks(16).enumerate() {
            let words: String = bytes.chunks(2).map(|pair| format!(" {}", hex(pair))).collect();
            _ = match self.ascii {
                true => write!(text, "\n\t0x{:04x}: {words:<40}  {}", line * 16, as_text(bytes)),
                false => write!(text, "\n\t0x{:04x}: {words}", line * 16),
            };
        }
        text
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn as_text(bytes: &[u8]) -> String {
    bytes.iter().map(|b| printable(*b)).collect()
}

fn printable(b: u8) -> char {
    if b.is_ascii_graphic() { char::from(b) } else { '.' }
}
