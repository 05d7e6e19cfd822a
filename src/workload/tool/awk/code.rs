//! What a program of awk is compiled to: steps for a machine with a stack. A jump names the step in its own section that is
//! next; a section is all of BEGIN, all rules, all of END, or the body of a function.

use crate::workload::tool::awk::value::Value;

/// The section of the actions of BEGIN.
pub const BEGIN: usize = 0;
/// The section of the rules, run for each record.
pub const MAIN: usize = 1;
/// The section of the actions of END.
pub const END: usize = 2;

/// The variables that awk itself reads or sets, in the order of their numbers.
pub const SPECIAL: &[&str] = &[
    "NF", "NR", "FNR", "FS", "OFS", "ORS", "RS", "SUBSEP", "FILENAME", "RSTART", "RLENGTH", "CONVFMT", "OFMT",
    "ENVIRON", "ARGC", "ARGV",
];

/// The number of `NF`.
pub const NF: usize = 0;
/// The number of `NR`.
pub const NR: usize = 1;
/// The number of `FNR`.
pub const FNR: usize = 2;
/// The number of `FS`.
pub const FS: usize = 3;
/// The number of `OFS`.
pub const OFS: usize = 4;
/// The number of `ORS`.
pub const ORS: usize = 5;
/// The number of `RS`.
pub const RS: usize = 6;
/// The number of `SUBSEP`.
pub const SUBSEP: usize = 7;
/// The number of `FILENAME`.
pub const FILENAME: usize = 8;
/// The number of `RSTART`.
pub const RSTART: usize = 9;
/// The number of `RLENGTH`.
pub const RLENGTH: usize = 10;
/// The number of `CONVFMT`.
pub const CONVFMT: usize = 11;
/// The number of `OFMT`.
pub const OFMT: usize = 12;
/// The number of `ENVIRON`.
pub const ENVIRON: usize = 13;
/// The number of `ARGC`.
pub const ARGC: usize = 14;
/// The number of `ARGV`.
pub const ARGV: usize = 15;

/// A variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Var {
    /// Of the program.
    Global(usize),
    /// Of the function that runs: a parameter.
    Local(usize),
}

/// What can be assigned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A variable.
    Var(Var),
    /// A field; its number is on the stack.
    Field,
    /// An element of an array; its key is on the stack.
    Element(Var),
}

/// An operation on two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
    /// `^`
    Power,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `==`
    Equal,
    /// `!=`
    Different,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

/// Where `print` writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Standard output.
    Output,
    /// A file, emptied when it is opened; its name is on the stack.
    File,
    /// The end of a file; its name is on the stack.
    EndOfFile,
}

/// A function that awk has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    Atan2,
    Close,
    Cos,
    Exp,
    Fflush,
    Gsub,
    Index,
    Int,
    Length,
    Log,
    Match,
    Rand,
    Sin,
    Split,
    Sprintf,
    Sqrt,
    Srand,
    Sub,
    Substr,
    System,
    Systime,
    Tolower,
    Toupper,
}

/// Every function that awk has: its name, and the least and most of its arguments.
pub const BUILTINS: &[(&str, Builtin, usize, usize)] = &[
    ("atan2", Builtin::Atan2, 2, 2),
    ("close", Builtin::Close, 1, 1),
    ("cos", Builtin::Cos, 1, 1),
    ("exp", Builtin::Exp, 1, 1),
    ("fflush", Builtin::Fflush, 0, 1),
    ("gsub", Builtin::Gsub, 2, 3),
    ("index", Builtin::Index, 2, 2),
    ("int", Builtin::Int, 1, 1),
    ("length", Builtin::Length, 0, 1),
    ("log", Builtin::Log, 1, 1),
    ("match", Builtin::Match, 2, 2),
    ("rand", Builtin::Rand, 0, 0),
    ("sin", Builtin::Sin, 1, 1),
    ("split", Builtin::Split, 2, 3),
    ("sprintf", Builtin::Sprintf, 1, 1_000),
    ("sqrt", Builtin::Sqrt, 1, 1),
    ("srand", Builtin::Srand, 0, 1),
    ("sub", Builtin::Sub, 2, 3),
    ("substr", Builtin::Substr, 2, 3),
    ("system", Builtin::System, 1, 1),
    ("systime", Builtin::Systime, 0, 0),
    ("tolower", Builtin::Tolower, 1, 1),
    ("toupper", Builtin::Toupper, 1, 1),
];

/// A step. "The top" is that of the stack of values.
#[derive(Clone, Debug)]
pub enum Op {
    /// Pushes.
    Constant(Value),
    /// Pushes what is in a place.
    Load(Place),
    /// Puts the top into a place; it stays on the stack.
    Store(Place),
    /// Combines a place with the top, in the place; the result stays on the stack.
    Update(Place, Arithmetic),
    /// `++` and `--`: adds to a place, and pushes what is then in it, or with `after` what was in it.
    Step {
        /// Where.
        place: Place,
        /// 1 or -1.
        by: i8,
        /// Whether the sign stands after the place.
        after: bool,
    },
    /// Joins so many values to one key.
    Subscript(usize),
    /// Whether an array has the key.
    Contains(Var),
    /// Deletes an element.
    Delete(Var),
    /// Deletes every element.
    Clear(Var),
    /// Combines two numbers.
    Arithmetic(Arithmetic),
    /// Compares two values.
    Compare(Compare),
    /// Joins two texts.
    Concat,
    /// Whether a text has something that the regular expression on the top takes.
    Match {
        /// Whether the answer is turned round.
        not: bool,
    },
    /// 1 for false, 0 for true.
    Not,
    /// The number with the other sign.
    Negate,
    /// The number.
    Number,
    /// 1 for true, 0 for false.
    Truth,
    /// Takes the top away.
    Pop,
    /// Goes on at another step.
    Jump(usize),
    /// Takes the top, and goes there if it is true.
    JumpIf(usize),
    /// Takes the top, and goes there if it is false.
    JumpUnless(usize),
    /// If the top is false it becomes 0 and it goes there; else the top is taken away.
    And(usize),
    /// If the top is true it becomes 1 and it goes there; else the top is taken away.
    Or(usize),
    /// Prints so many values; none means the record.
    Print(usize, To),
    /// Prints a format with its arguments, so many in all.
    Printf(usize, To),
    /// Makes the top an argument of a function of the program.
    Argument,
    /// Makes a variable, which may be an array, an argument.
    Pass(Var),
    /// Calls a function of the program with so many arguments.
    Call(usize, usize),
    /// Ends a function; the top is its value.
    Return,
    /// Calls a function of awk with so many arguments.
    Builtin(Builtin, usize),
    /// The number of elements of an array, or of characters of a variable.
    Length(Var),
    /// Splits into an array: by `FS`, or by the separator on the top, which may be a regular expression.
    Split {
        /// The array.
        array: Var,
        /// Whether the top is a separator.
        given: bool,
        /// Whether it stands as a regular expression in the program.
        regex: bool,
    },
    /// Replaces in a place.
    Substitute {
        /// Where.
        place: Place,
        /// Whether everything is replaced.
        all: bool,
    },
    /// Begins a walk over the keys of an array.
    Walk(Var),
    /// Pushes the next key of the walk, or goes there.
    Advance(usize),
    /// Ends the walk.
    Leave,
    /// Goes there if a range of records has begun.
    JumpInRange(usize, usize),
    /// A range begins or ends.
    SetRange(usize, bool),
    /// The next record.
    Next,
    /// The next file.
    NextFile,
    /// Ends the program; with a code on the top.
    Exit(bool),
}

/// Where in the program's text a step comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// Which of the program's texts.
    pub source: usize,
    /// The line.
    pub line: u32,
}

/// Steps that belong together.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// The steps.
    pub ops: Vec<Op>,
    /// Where each comes from.
    pub sites: Vec<Site>,
}

/// A function of the program.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its section.
    pub section: usize,
    /// How many parameters it has; `None` before it is defined.
    pub parameters: Option<usize>,
}

/// A program.
#[derive(Clone, Debug)]
pub struct Program {
    /// BEGIN, rules, END, functions.
    pub sections: Vec<Section>,
    /// The names of variables, [`SPECIAL`] first.
    pub globals: Vec<String>,
    /// The functions.
    pub functions: Vec<Function>,
    /// How many patterns are ranges.
    pub ranges: usize,
    /// Whether there is a rule for records.
    pub has_rules: bool,
    /// Whether there is an action of END.
    pub has_end: bool,
}

impl Program {
    /// Whether it reads records.
    pub fn reads(&self) -> bool {
        self.has_rules || self.has_end
    }
}
