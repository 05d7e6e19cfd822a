//! The terminal of a process: what is typed becomes lines and signals, and is shown as it is typed. Models the line discipline
//! of Linux in its usual (cooked) mode, `drivers/tty/n_tty.c`.
//!
//! Differs: a program cannot switch the mode, so there is no editing of its own; cursor keys do nothing.

const INTERRUPT: u8 = 3;
const END: u8 = 4;
const BACKSPACE: u8 = 8;
const KILL_LINE: u8 = 21;
const ESCAPE: u8 = 27;
const DELETE: u8 = 127;

/// A terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tty {
    line: Vec<u8>,
    /// Inside a sequence that a key sends, which is left out.
    escape: Option<u8>,
}

/// What typing does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Typed {
    /// This is shown.
    Echo(Vec<u8>),
    /// The program gets this.
    Input(Vec<u8>),
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D on an empty line.
    End,
}

impl Tty {
    /// Takes in what was typed.
    pub fn typed(&mut self, bytes: &[u8]) -> Vec<Typed> {
        let mut done = Vec::new();
        for byte in bytes {
            self.key(*byte, &mut done);
        }
        done
    }

    fn key(&mut self, byte: u8, done: &mut Vec<Typed>) {
        if let Some(before) = self.escape {
            let goes_on = before == ESCAPE && byte == b'[' || before == b'[' && !(0x40..=0x7e).contains(&byte);
            self.escape = goes_on.then_some(b'[');
            return;
        }
        match byte {
            b'\r' | b'\n' => {
                self.line.push(b'\n');
                echo(done, b"\r\n");
                done.push(Typed::Input(std::mem::take(&mut self.line)));
            }
            INTERRUPT => {
                self.line.clear();
                echo(done, b"^C\r\n");
                done.push(Typed::Interrupt);
            }
            END if self.line.is_empty() => done.push(Typed::End),
            END => done.push(Typed::Input(std::mem::take(&mut self.line))),
            BACKSPACE | DELETE => self.erase(done),
            KILL_LINE => {
                while !self.line.is_empty() {
                    self.erase(done);
                }
            }
            ESCAPE => self.escape = Some(ESCAPE),
            b'\t' | b' '.. => {
                self.line.push(byte);
                echo(done, &[byte]);
            }
            _ => {}
        }
    }

    /// Takes the last character off the line.
    fn erase(&mut self, done: &mut Vec<Typed>) {
        while let Some(byte) = self.line.pop() {
            // The bytes of a character that follow its first one.
            if byte & 0xc0 != 0x80 {
                echo(done, b"\x08 \x08");
                break;
            }
        }
    }
}

fn echo(done: &mut Vec<Typed>, bytes: &[u8]) {
    match done.last_mut() {
        Some(Typed::Echo(text)) => text.extend_from_slice(bytes),
        _ => done.push(Typed::Echo(bytes.to_vec())),
    }
}

/// What a program writes, as a terminal gets it.
pub fn shown(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len() + 8);
    for byte in bytes {
        if *byte == b'\n' {
            text.push(b'\r');
        }
        text.push(*byte);
    }
    text
}

/// The same as a program wrote it.
pub fn plain(bytes: &[u8]) -> Vec<u8> {
    let ends = |i: usize| bytes[i] == b'\r' && bytes.get(i + 1) == Some(&b'\n');
    (0..bytes.len()).filter(|i| !ends(*i)).map(|i| bytes[i]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_make_lines_and_signals() {
        let echo = |text: &str| Typed::Echo(text.as_bytes().to_vec());
        let input = |text: &str| Typed::Input(text.as_bytes().to_vec());
        for (keys, done) in [
            ("ls\r", vec![echo("ls\r\n"), input("ls\n")]),
            ("lx\x7fs\n", vec![echo("lx\x08 \x08s\r\n"), input("ls\n")]),
            ("ab\x15c\r", vec![echo("ab\x08 \x08\x08 \x08c\r\n"), input("c\n")]),
            ("ab\x03", vec![echo("ab^C\r\n"), Typed::Interrupt]),
            ("\x04", vec![Typed::End]),
            ("a\x04", vec![echo("a"), input("a")]),
            ("\x1b[Aa\r", vec![echo("a\r\n"), input("a\n")]),
        ] {
            assert_eq!(Tty::default().typed(keys.as_bytes()), done, "{keys:?}");
        }
        assert_eq!(shown(b"a\nb\n"), b"a\r\nb\r\n");
        assert_eq!(plain(b"a\r\nb\rc\r\n"), b"a\nb\rc\n");
    }
}
