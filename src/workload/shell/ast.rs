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
    /// `((…))`, with its text.
    Arithmetic(Word),
    /// `for ((a; b; c)); do d; done`: b, c, d; a comes before it.
    Count(Word, Word, Arc<Node>),
    /// `[[ … ]]`.
    Condition(Vec<Term>),
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

/// A word or an operator of `[[ … ]]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Term {
    /// A word.
    Word(Word),
    /// `&&`, `||`, `(`, `)`, `<`, `>`.
    Operator(&'static str),
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
    /// `<<<`: the target is a line.
    HereString,
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
    /// `<(…)`: the path of a file with what it prints.
    Process(Arc<Node>),
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
    /// `${x:offset:length}`; the word is both.
    Substring,
    /// `${x/p/w}`, `${x//p/w}`; the parts of the word from that one on are what comes in its place.
    Replace(bool, u32),
    /// `${x^}`, `${x^^}`, `${x,}`, `${x,,}`: to upper case or lower, all of it or the first letter.
    Case(bool, bool),
}

/// The command in one line, as `jobs` shows it; compound commands are cut short.
impl std::fmt::Display for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Node::Simple(simple) => {
                let words: Vec<String> = simple.words.iter().map(Word::to_string).collect();
                f.write_str(&words.join(" "))
            }
            Node::Pipeline(stages) => {
                let stages: Vec<String> = stages.iter().map(ToString::to_string).collect();
                f.write_str(&stages.join(" | "))
            }
            Node::Redirected(inner, _) | Node::Subshell(inner) | Node::Not(inner) => inner.fmt(f),
            Node::And(first, _) | Node::Or(first, _) => write!(f, "{first} …"),
            Node::Seq(nodes) => nodes.first().map_or(Ok(()), |first| write!(f, "{first}; …")),
            Node::Background(inner) => write!(f, "{inner} &"),
            Node::If(..) => f.write_str("if …"),
            Node::While(..) => f.write_str("while …"),
            Node::For(name, ..) => write!(f, "for {name} …"),
            Node::Case(..) => f.write_str("case …"),
            Node::Function(name, _) => write!(f, "{name}()"),
            Node::Arithmetic(word) => write!(f, "(({word}))"),
            Node::Count(..) => f.write_str("for ((…"),
            Node::Condition(_) => f.write_str("[[ …"),
        }
    }
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text, _) => f.write_str(text),
            Part::Variable(name, ..) => write!(f, "${name}"),
            Part::Command(node, _) => write!(f, "$({node})"),
            Part::Arithmetic(inner) => write!(f, "$(({inner}))"),
            Part::Process(node) => write!(f, "<({node})"),
        })
    }
}

impl Node {
    /// The words of all its commands that are nothing but text.
    pub fn words(&self, found: &mut Vec<String>) {
        match self {
            Node::Simple(simple) => found.extend(simple.words.iter().filter_map(Word::literal)),
            Node::Pipeline(nodes) | Node::Seq(nodes) => nodes.iter().for_each(|node| node.words(found)),
            Node::Not(node)
            | Node::Background(node)
            | Node::Subshell(node)
            | Node::Function(_, node)
            | Node::Redirected(node, _)
            | Node::Count(_, _, node) => node.words(found),
            Node::Arithmetic(_) | Node::Condition(_) => {}
            Node::And(a, b) | Node::Or(a, b) | Node::While(_, a, b) => [a, b].iter().for_each(|node| node.words(found)),
            Node::If(a, b, c) => {
                [Some(a), Some(b), c.as_ref()].into_iter().flatten().for_each(|node| node.words(found))
            }
            Node::For(_, words, body) => {
                found.extend(words.iter().flatten().filter_map(Word::literal));
                body.words(found);
            }
            Node::Case(_, arms) => arms.iter().for_each(|(_, body)| body.words(found)),
        }
    }
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

    /// Whether all of it is in quotes.
    pub fn is_quoted(&self) -> bool {
        self.0
            .iter()
            .all(|part| matches!(part, Part::Text(_, true) | Part::Variable(_, _, true) | Part::Command(_, true)))
    }

    /// The unquoted text, if the word is nothing but that.
    pub fn bare(&self) -> Option<&str> {
        match &self.0[..] {
            [Part::Text(text, false)] => Some(text),
            _ => None,
        }
    }
}
