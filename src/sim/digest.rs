//! The digest of the state: one number that is equal exactly when two worlds are, native and wasm alike.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

/// A 64-bit digest of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest(pub u64);

impl fmt::Display for Digest {
    /// Sixteen hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The digest of a value, through its `Hash`.
pub fn digest_of<T: Hash + ?Sized>(value: &T) -> Digest {
    let mut hasher = Portable(SipHasher13::new());
    value.hash(&mut hasher);
    Digest(hasher.finish())
}

/// A hasher whose result does not depend on the width of `usize` or on byte order.
struct Portable(SipHasher13);

impl Hasher for Portable {
    fn finish(&self) -> u64 {
        self.0.finish()
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }
    fn write_u16(&mut self, n: u16) {
        self.0.write(&n.to_le_bytes());
    }
    fn write_u32(&mut self, n: u32) {
        self.0.write(&n.to_le_bytes());
    }
    fn write_u64(&mut self, n: u64) {
        self.0.write(&n.to_le_bytes());
    }
    fn write_u128(&mut self, n: u128) {
        self.0.write(&n.to_le_bytes());
    }
    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }
    fn write_i16(&mut self, n: i16) {
        self.0.write(&n.to_le_bytes());
    }
    fn write_i32(&mut self, n: i32) {
        self.0.write(&n.to_le_bytes());
    }
    fn write_i64(&mut self, n: i64) {
        self.0.write(&n.to_le_bytes());
    }
    fn write_isize(&mut self, n: isize) {
        self.write_i64(n as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_this_very_number_on_every_target() {
        assert_eq!(digest_of(&(1_u64, "web", vec![2_usize, 3])).to_string(), "f94208428f8a7eff");
    }

    #[test]
    fn different_values_have_different_digests() {
        assert_ne!(digest_of("a"), digest_of("b"));
    }
}
