//! The two macros that define API types: structs that lose no field and enums that lose no word.

/// Fields that are valid but not simulated, by their name on the wire.
pub type Rest = crate::sim::VecMap<String, serde_json::Value>;

/// Whether a value equals its type's default: such a field is left out of the wire form (`omitempty`).
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Defines API structs. `omit` fields are left out of the wire form when they equal their type's default, `keep` fields
/// never are. `field: Type = expr` is what a missing field means; without it, the type's default. Every struct also gets
/// `rest`, the fields that it does not name.
macro_rules! api_struct {
    ($(
        $(#[$meta:meta])*
        $name:ident {
            keep { $( $(#[$kattr:meta])* $kfield:ident : $kty:ty $(= $kdef:expr)? ),* $(,)? }
            omit { $( $(#[$oattr:meta])* $ofield:ident : $oty:ty $(= $odef:expr)? ),* $(,)? }
        }
    )*) => { $(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        #[allow(missing_docs)] // The fields are upstream's and documented there.
        pub struct $name {
            $( $(#[$kattr])* pub $kfield: $kty, )*
            $( $(#[$oattr])* #[serde(skip_serializing_if = "crate::api::define::is_default")] pub $ofield: $oty, )*
            #[serde(flatten)]
            pub rest: crate::api::define::Rest,
        }

        impl Default for $name {
            fn default() -> Self {
                $name {
                    $( $kfield: api_struct!(@default $kty $(, $kdef)?), )*
                    $( $ofield: api_struct!(@default $oty $(, $odef)?), )*
                    rest: Default::default(),
                }
            }
        }
    )* };
    (@default $ty:ty, $def:expr) => { $def };
    (@default $ty:ty) => { <$ty as Default>::default() };
}

/// Defines enums of words. The first word is the default. A word that is none of them is kept as `Unknown`, so that
/// validation can answer with upstream's text.
macro_rules! api_enum {
    ($(
        $(#[$meta:meta])*
        $name:ident { $first:ident = $fword:literal $(, $variant:ident = $word:literal)* $(,)? }
    )*) => { $(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(from = "String", into = "String")]
        #[allow(missing_docs)] // The words are upstream's and documented there.
        pub enum $name {
            #[default]
            $first,
            $( $variant, )*
            /// A word that is none of these.
            Unknown(String),
        }

        impl $name {
            /// Every known word, in upstream's order.
            pub const WORDS: &'static [&'static str] = &[$fword $(, $word)*];

            /// The word on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $name::$first => $fword,
                    $( $name::$variant => $word, )*
                    $name::Unknown(word) => word,
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                match word.as_str() {
                    $fword => $name::$first,
                    $( $word => $name::$variant, )*
                    _ => $name::Unknown(word),
                }
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.as_str().to_owned()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )* };
}
