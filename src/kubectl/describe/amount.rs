//! Sums and shares of resource quantities, for `describe node`.

use crate::api::quantity::Quantity;

/// An amount and the form in which sums of it are printed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount {
    millis: i64,
}

impl Amount {
    /// Reads a quantity; what is none counts as zero.
    pub fn parse(text: &str) -> Amount {
        Amount { millis: text.parse::<Quantity>().map_or(0, Quantity::millis) }
    }

    /// The sum of two amounts.
    pub fn plus(&self, other: &Amount) -> Amount {
        Amount { millis: self.millis.saturating_add(other.millis) }
    }

    /// The whole percentage of another amount.
    pub fn percent_of(&self, all: &Amount) -> i64 {
        if all.millis == 0 {
            return 0;
        }
        (i128::from(self.millis) * 100 / i128::from(all.millis)) as i64
    }

    /// The canonical text: `250m` of CPU, `170Mi` of memory.
    pub fn shown(&self, resource: &str) -> String {
        if self.millis == 0 {
            return "0".into();
        }
        if resource == "memory" || resource == "ephemeral-storage" || resource.starts_with("hugepages-") {
            return Quantity::from_bytes(self.millis / 1000).to_string();
        }
        Quantity::from_millis(self.millis).to_string()
    }
}
