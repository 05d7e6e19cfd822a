//! Archives of `tar`: blocks of 512 bytes, a head before each file, two empty blocks at the end.
//!
//! Models POSIX ustar, with GNU's entries for names that do not fit (read, and written as pax upstream's programs read both).
//! Differs: owners and times are always the same; links are passed over.

/// The size of a block.
const BLOCK: usize = 512;
/// The longest name that a head holds.
const NAME: usize = 100;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, without a slash at its end.
    pub name: String,
    /// What is in it; `None` of a directory.
    pub data: Option<Vec<u8>>,
}

impl Entry {
    /// A file.
    pub fn file(name: impl Into<String>, data: impl Into<Vec<u8>>) -> Entry {
        Entry { name: name.into(), data: Some(data.into()) }
    }

    /// A directory.
    pub fn dir(name: impl Into<String>) -> Entry {
        Entry { name: name.into(), data: None }
    }
}

/// The bytes of an archive.
pub fn write(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        let (kind, name, data) = match &entry.data {
            Some(data) => (b'0', entry.name.clone(), data.as_slice()),
            None => (b'5', format!("{}/", entry.name), &[][..]),
        };
        if name.len() > NAME {
            let mut whole = name.clone().into_bytes();
            whole.push(0);
            block(&mut out, "././@LongLink", b'L', &whole);
        }
        block(&mut out, &name, kind, data);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

/// A head, and the data filled up to whole blocks.
fn block(out: &mut Vec<u8>, name: &str, kind: u8, data: &[u8]) {
    let mut head = [0_u8; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &name.as_bytes()[..name.len().min(NAME)]);
    put(100, if kind == b'5' { b"0000755\0" } else { b"0000644\0" });
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", data.len()).as_bytes());
    put(136, b"15125463000\0");
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    put(265, b"root");
    put(297, b"root");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(data);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}

/// The entries of an archive.
///
/// # Errors
/// It is none, or ends too early; the words are those of GNU tar.
pub fn read(bytes: &[u8]) -> Result<Vec<Entry>, &'static str> {
    let (mut found, mut rest, mut long) = (Vec::new(), bytes, None);
    while let Some((head, after)) = rest.split_at_checked(BLOCK) {
        if head.iter().all(|byte| *byte == 0) {
            return Ok(found);
        }
        let sum: u32 =
            head.iter().enumerate().map(|(i, b)| if (148..156).contains(&i) { 32 } else { u32::from(*b) }).sum();
        if octal(&head[148..156]) != Some(u64::from(sum)) {
            return Err("This does not look like a tar archive");
        }
        let size = octal(&head[124..136]).and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        let Some(data) = after.get(..size) else { return Err("Unexpected EOF in archive") };
        rest = after.get(size.next_multiple_of(BLOCK)..).unwrap_or_default();
        match head[156] {
            b'L' => long = Some(text(data)),
            b'x' => long = pax_path(data).or(long),
            b'g' => {}
            kind => {
                let name = long.take().unwrap_or_else(|| name_of(head));
                let name = name.trim_end_matches('/').to_owned();
                match kind {
                    b'5' => found.push(Entry::dir(name)),
                    b'0' | 0 | b'7' => found.push(Entry::file(name, data)),
                    _ => {}
                }
            }
        }
    }
    if rest.is_empty() && !found.is_empty() { Ok(found) } else { Err("This does not look like a tar archive") }
}

/// The text before the first zero.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn octal(bytes: &[u8]) -> Option<u64> {
    u64::from_str_radix(text(bytes).trim(), 8).ok()
}

fn name_of(head: &[u8]) -> String {
    let (name, prefix) = (text(&head[..NAME]), text(&head[345..500]));
    if head[257..262] == *b"ustar" && !prefix.is_empty() { format!("{prefix}/{name}") } else { name }
}

/// The path in a pax head: lines of `LENGTH KEY=VALUE`.
fn pax_path(data: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(data);
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .find_map(|(_, pair)| pair.strip_prefix("path=").map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let long = format!("{}/file", "folder/".repeat(20));
        let entries = [
            Entry::dir("a"),
            Entry::file("a/b", "text\n"),
            Entry::file("a/empty", ""),
            Entry::file("a/block", vec![7; BLOCK]),
            Entry::file(long.clone(), vec![0, 255]),
        ];
        let bytes = write(&entries);
        assert_eq!(bytes.len() % BLOCK, 0);
        assert_eq!(read(&bytes).as_deref(), Ok(&entries[..]));
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        assert_eq!(read(b"text"), Err("This does not look like a tar archive"));
        assert_eq!(read(&[b'x'; 1_024]), Err("This does not look like a tar archive"));
        let bytes = write(&[Entry::file("a", vec![1; 600])]);
        assert_eq!(read(&bytes[..700]), Err("Unexpected EOF in archive"));
    }
}
