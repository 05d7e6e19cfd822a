//! Whose files are and who may do what with them. Models `inode_permission` of the kernel, without lists and capabilities.

/// What is wanted of a file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// To read it, or to list what is in it.
    Read,
    /// To write it, or to make or remove something in it.
    Write,
}

/// Whose a file or directory is, and who may do what with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Access {
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// The permission bits, with those above them.
    pub mode: u16,
}

impl Access {
    /// A file of root as it is made.
    pub const FILE: Access = Access { uid: 0, gid: 0, mode: 0o644 };
    /// A directory of root as it is made.
    pub const DIR: Access = Access { uid: 0, gid: 0, mode: 0o755 };

    /// `rwxr-xr-x`, as `ls -l` shows it.
    pub fn bits(self) -> String {
        let bit = |at: u16| self.mode >> at & 1 == 1;
        let mut text: Vec<char> =
            (0..9_u16).map(|at| if bit(8 - at) { ['r', 'w', 'x'][usize::from(at % 3)] } else { '-' }).collect();
        for (special, at, set, unset) in [(11, 2, 's', 'S'), (10, 5, 's', 'S'), (9, 8, 't', 'T')] {
            if bit(special) {
                text[at] = if text[at] == 'x' { set } else { unset };
            }
        }
        text.into_iter().collect()
    }
}

/// As whom a process runs; root by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct User {
    /// The user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// The other groups that it is in.
    pub groups: Vec<u32>,
}

impl User {
    /// Whether it has a right; root has every one.
    pub fn may(&self, access: Access, right: Right) -> bool {
        let shift = match () {
            () if self.uid == 0 => return true,
            () if self.uid == access.uid => 6,
            () if self.gid == access.gid || self.groups.contains(&access.gid) => 3,
            () => 0,
        };
        let bit = if right == Right::Read { 2 } else { 1 };
        access.mode >> (shift + bit) & 1 == 1
    }

    /// What it makes is its own.
    pub fn makes(&self, access: Access) -> Access {
        Access { uid: self.uid, gid: self.gid, ..access }
    }

    /// All of its groups, in order (`getgroups`).
    pub fn all_groups(&self) -> Vec<u32> {
        let mut all: Vec<u32> = self.groups.iter().copied().chain([self.gid]).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_shown_as_ls_shows_them() {
        for (mode, text) in [(0o644, "rw-r--r--"), (0o1777, "rwxrwxrwt"), (0o2770, "rwxrws---"), (0o4644, "rwSr--r--")]
        {
            assert_eq!(Access { mode, ..Access::default() }.bits(), text);
        }
    }
}
