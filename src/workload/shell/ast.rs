//! What a script is once it is parsed.

use std::sync::Arc;

/// A command of any kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// `A=1 cmd args >file`.
    Simple(Simple),
    /// `a | b | c`.
    Pipeline(Vec<Arc<Node>>),
    /// `! a`.
    Not(Arc<Node>),
    /// `a && b`.
    And(Arc<Node>, Arc<Node>),
    /// `a || b`.
    Or(Arc<Node>, Arc<Node>),
    /// `a; b`.
    Seq(Vec<Arc<Node>>),
    /// `a &`.
    Background(Arc<Node>),
    /// `if a; then b; else c; fi`.
    If(Arc<Node>, Arc<Node>, Option<Arc<Node>>),
    /// `while a; do b; done`; the flag is set for `until`.
    While(bool, Arc<Node>, Arc<Node>),
    /// `for x in words; do b; done`; without words, the arguments.
    For(String, Option<Vec<Word>>, Arc<Node>),
    /// `case w in p) b;; esac`.
    Case(Word, Vec<(Vec<Word>, Arc<Node>)>),
    /// `( a )`.
    Subshell(Arc<Node>),
    /// `f() { a; }`.
    Function(String, Arc<Node>),
    /// A compound command with redirections.
    Redirected(Arc<Node>, Vec<Redirect>),
}

/// A command with its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Simple {
    /// Variables set before it.
    pub assigns: Vec<(String, Word)>,
    /// Arrays set, as bash has them: `a=(x y)`.
    pub arrays: Vec<Array>,
    /// The command and its arguments.
    pub words: Vec<Word>,
    /// Its redirections, in order.
    pub redirects: Vec<Redirect>,
}

/// `a=(x y)` or `a+=(x y)`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Array {
    /// Its name.
    pub name: String,
    /// Whether it is added to what is there.
    pub append: bool,
    /// Its elements.
    pub words: Vec<Word>,
}

/// A redirection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Redirect {
    /// Of which descriptor.
    pub fd: u8,
    /// How.
    pub kind: RedirectKind,
    /// Where to or from.
    pub target: Word,
}

/// How a descriptor is redirected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RedirectKind {
    /// `>`.
    Write,
    /// `>>`.
    Append,
    /// `<`.
    Read,
    /// `>&` or `<&`.
    Duplicate,
    /// `<<`: the target is the text itself.
    Here,
}

/// A word before expansion.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Word(pub Vec<Part>);

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Text; whether it was quoted.
    Text(String, bool),
    /// A variable; whether it is in double quotes.
    Variable(String, Option<(Operator, Word)>, bool),
    /// `$(…)`; whether it is in double quotes.
    Command(Arc<Node>, bool),
    /// `$((…))`.
    Arithmetic(Word),
}

/// What is done to the value of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `${x:-w}`; the flag: an empty value counts as missing.
    Default(bool),
    /// `${x:=w}`.
    Assign(bool),
    /// `${x:+w}`.
    Alternative(bool),
    /// `${x:?w}`.
    Error(bool),
    /// `${#x}`.
    Length,
    /// `${x#w}`, `${x##w}`.
    Prefix(bool),
    /// `${x%w}`, `${x%%w}`.
    Suffix(bool),
}

impl Simple {
    /// What is assigned, in the order in which it is expanded.
    pub fn values(&self) -> impl Iterator<Item = &Word> {
        self.arrays.iter().flat_map(|array| &array.words).chain(self.assigns.iter().map(|(_, word)| word))
    }
}

impl Word {
    /// The text, if the word is nothing but text.
    pub fn literal(&self) -> Option<String> {
        self.0.iter().map(|p| if let Part::Text(t, _) = p { Some(t.as_str()) } else { None }).collect()
    }

    /// The unquoted text, if the word is nothing but that.
    pub fn bare(&self) -> Option<&str> {
        match &self.0[..] {
            [Part::Text(text, false)] => Some(text),
            _ => None,
        }
    }
}
