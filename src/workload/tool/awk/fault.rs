//! What ends a program of awk before its time: an error, or that it took more steps than any program is given.

use crate::workload::tool::awk::code::Site;

/// How many steps a program may take, and with them how many bytes it may make.
const STEPS: u64 = 12_000_000;

/// An error in the words of busybox's awk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub words: String,
    /// Where in the program.
    pub site: Option<Site>,
    /// Whether the words stand for themselves, without a place in the program.
    pub bare: bool,
}

impl Fault {
    /// An error somewhere in the program.
    pub fn new(words: impl Into<String>) -> Fault {
        Fault { words: words.into(), site: None, bare: false }
    }

    /// An error that no place in the program belongs to.
    pub fn bare(words: impl Into<String>) -> Fault {
        Fault { bare: true, ..Fault::new(words) }
    }

    /// The error at a place, if it has none.
    pub fn at(self, site: Site) -> Fault {
        Fault { site: self.site.or(Some(site)), ..self }
    }
}

/// What is left of the steps that a program may take. Everything that takes time or memory is paid from it, so a program
/// without end ends.
#[derive(Clone, Debug)]
pub struct Fuel {
    given: u64,
    left: u64,
}

impl Default for Fuel {
    fn default() -> Fuel {
        Fuel::of(STEPS)
    }
}

impl Fuel {
    /// So many steps.
    pub fn of(steps: u64) -> Fuel {
        Fuel { given: steps, left: steps }
    }

    /// Takes so many steps.
    ///
    /// # Errors
    /// So many are not left.
    pub fn spend(&mut self, steps: usize) -> Result<(), Fault> {
        self.left = self.left.checked_sub(steps as u64).ok_or_else(|| {
            self.left = 0;
            Fault::new(format!("Stopped after {} steps: this program seems to have no end", self.given))
        })?;
        Ok(())
    }

    /// Makes so many bytes: two cost a step.
    ///
    /// # Errors
    /// So many are not left.
    pub fn make(&mut self, bytes: usize) -> Result<(), Fault> {
        self.spend(bytes / 2)
    }
}
