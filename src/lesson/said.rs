//! What is said to whoever writes a lesson, in both languages: the page shows one, a terminal English.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Words in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Said {
    /// English.
    pub en: String,
    /// Simplified Chinese.
    pub zh: String,
}

impl Said {
    /// Words that say the same.
    pub fn of(en: impl Into<String>, zh: impl Into<String>) -> Said {
        Said { en: en.into(), zh: zh.into() }
    }

    /// The same with more behind it.
    #[must_use]
    pub fn and(self, en: &str, zh: &str) -> Said {
        Said { en: self.en + en, zh: self.zh + zh }
    }
}

impl From<[&str; 2]> for Said {
    fn from([en, zh]: [&str; 2]) -> Said {
        Said::of(en, zh)
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}
