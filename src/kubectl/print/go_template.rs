//! Go templates: `{{range .items}}{{.metadata.name}}{{"\n"}}{{end}}`.
//!
//! Models Go's `text/template` over JSON values, with kubectl's own `exists` and `base64decode`
//! (`k8s.io/cli-runtime/pkg/printers/template.go`). Not here: methods, `call`, numbers that are complex.

mod eval;
mod format;
mod function;
mod lex;
mod parse;

use serde_json::Value;

use super::output::compact;
use crate::sim::VecMap;

/// A parsed template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template {
    text: String,
    main: Vec<Node>,
    named: VecMap<String, Vec<Node>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Node {
    Text(String),
    Action(Pipe),
    If(Pipe, Vec<Node>, Vec<Node>),
    Range(Pipe, Vec<Node>, Vec<Node>),
    With(Pipe, Vec<Node>, Vec<Node>),
    Template(String, Option<Pipe>, u32),
    Break,
    Continue,
}

/// Commands, each of which gets the value of the one before; the last value may go to variables.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Pipe {
    variables: Vec<String>,
    /// `=`, not `:=`.
    assigns: bool,
    commands: Vec<Vec<Term>>,
    at: u32,
}

/// A term and the byte at which it begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Term {
    at: u32,
    kind: TermKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum TermKind {
    Dot,
    Nil,
    /// A constant and how it is written.
    Constant(Value, String),
    Fields(Vec<String>),
    Variable(String, Vec<String>),
    Function(String),
    Pipe(Box<Pipe>, Vec<String>),
}

/// Parses a template; the error is upstream's text.
///
/// # Errors
/// What Go's parser says: `template: output:1: unclosed action`.
pub fn parse(text: &str) -> Result<Template, String> {
    parse::parse(text)
}

/// Prints a value. What fails gives what was printed before it, with the object for whoever looks for the mistake, and the
/// error.
///
/// # Errors
/// The text that stands on standard output nonetheless, and upstream's error.
pub fn print(template: &Template, value: &Value, missing_is_error: bool) -> Result<String, (String, String)> {
    let mut out = String::new();
    let Err(why) = eval::run(template, value, missing_is_error, &mut out) else { return Ok(out) };
    out.push_str(&format!(
        "Error executing template: {why}. Printing more information for debugging the template:\n\ttemplate was:\n\t\t{}\n\traw data was:\n\t\t{}\n\tobject given to template engine was:\n\t\t{}\n\n",
        template.text,
        compact(value),
        format::plain(value),
    ));
    Err((out, format!("error executing template {}: {why}", format::quoted(&template.text))))
}

impl std::fmt::Display for Pipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.variables.is_empty() {
            write!(f, "{} {} ", self.variables.join(", "), if self.assigns { "=" } else { ":=" })?;
        }
        let commands: Vec<String> = self.commands.iter().map(|command| shown(command)).collect();
        f.write_str(&commands.join(" | "))
    }
}

fn shown(command: &[Term]) -> String {
    command.iter().map(Term::to_string).collect::<Vec<_>>().join(" ")
}

impl std::fmt::Display for Term {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dotted = |fields: &[String]| fields.iter().map(|field| format!(".{field}")).collect::<String>();
        match &self.kind {
            TermKind::Dot => f.write_str("."),
            TermKind::Nil => f.write_str("nil"),
            TermKind::Constant(_, text) | TermKind::Function(text) => f.write_str(text),
            TermKind::Fields(fields) => f.write_str(&dotted(fields)),
            TermKind::Variable(name, fields) => write!(f, "{name}{}", dotted(fields)),
            TermKind::Pipe(pipe, fields) => write!(f, "({pipe}){}", dotted(fields)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(template: &str, expected: &str) {
        let pod = json!({
            "kind": "Pod", "metadata": {"name": "web", "labels": {"app": "web", "tier": "front"}},
            "spec": {"replicas": 2, "containers": [{"name": "a", "image": "nginx"}, {"name": "b"}]},
            "data": {"password": "aGVsbG8="},
        });
        let said = match parse(template) {
            Ok(template) => match print(&template, &pod, false) {
                Ok(text) => text,
                Err((_, why)) => why.rsplit_once(": template: ").map_or(why.clone(), |(_, why)| why.to_owned()),
            },
            Err(why) => why,
        };
        assert_eq!(said, expected, "{template}");
    }

    #[test]
    fn templates_print_what_upstream_prints() {
        check("{{.metadata.name}} {{.spec.replicas}}", "web 2");
        check("{{.nope}} {{.nope.a}}", "<no value> <no value>");
        check("{{range .spec.containers}}{{.name}}={{.image}};{{end}}", "a=nginx;b=<no value>;");
        check("{{range $i, $c := .spec.containers}}{{if $i}},{{end}}{{$c.name}}{{end}}", "a,b");
        check("{{range $k, $v := .metadata.labels}}{{$k}}={{$v}} {{end}}", "app=web tier=front ");
        check("{{range .nope}}x{{else}}none{{end}}", "none");
        check("{{if eq .metadata.name \"x\"}}a{{else if gt .spec.replicas 1}}b{{else}}c{{end}}", "b");
        check("{{with .spec}}{{.replicas}}{{$.kind}}{{end}}", "2Pod");
        check("{{index .metadata.labels \"app\"}} {{(index .spec.containers 1).name}}", "web b");
        check("{{.data.password | base64decode}} {{exists .data \"x\"}}", "hello false");
        check(
            "{{.metadata.labels}} {{.spec.containers}}",
            "map[app:web tier:front] [map[image:nginx name:a] map[name:b]]",
        );
        check(
            "{{.metadata.name | printf \"%-5s|%5s|%d|%q|%v\" \"a\"}}",
            "a    |  web|%!d(MISSING)|%!q(MISSING)|%!v(MISSING)",
        );
        check(
            "{{printf \"%03d %T %x\" 7 \"s\" 255}}{{print 1 2 \"a\" \"b\" 3}}{{println \"x\"}}",
            "007 string ff1 2ab3x\n",
        );
        check("a {{- \" b \" -}} c{{/* not seen */}}", "a b c");
        check(
            "{{define \"x\"}}[{{.}}]{{end}}{{template \"x\" .kind}}{{block \"y\" .kind}}({{.}}){{end}}",
            "[Pod](Pod)",
        );
        check("{{range .spec.containers}}{{if eq .name \"b\"}}{{break}}{{end}}{{.name}}{{end}}", "a");
        check("{{and 1 0}} {{or 0 \"x\"}} {{not 0}} {{slice \"abcdef\" 1 3}} {{len .metadata.name}}", "0 x true bc 3");
        check("{{html \"<a>\"}} {{js \"a'b\"}} {{urlquery \"a b\"}}", "&lt;a&gt; a\\'b a+b");
        check("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2");
    }

    #[test]
    fn what_is_wrong_is_said_as_upstream_says_it() {
        check("{{.metadata", "template: output:1: unclosed action");
        check("{{nope .a}}", "template: output:1: function \"nope\" not defined");
        check("{{end}}", "template: output:1: unexpected {{end}}");
        check("{{if .a}}", "template: output:1: unexpected EOF");
        check("a\n{{$y}}", "template: output:2: undefined variable \"$y\"");
        check(
            "{{.metadata.name.x}}",
            "output:1:11: executing \"output\" at <.metadata.name.x>: can't evaluate field x in type interface {}",
        );
        check(
            "{{index .spec.containers 5}}",
            "output:1:2: executing \"output\" at <index .spec.containers 5>: error calling index: index out of range: 5",
        );
        check("{{range 3}}{{end}}", "output:1:8: executing \"output\" at <3>: range can't iterate over 3");
        check("{{nil}}", "output:1:2: executing \"output\" at <nil>: nil is not a command");
        check(
            "{{eq .spec.replicas \"a\"}}",
            "output:1:2: executing \"output\" at <eq .spec.replicas \"a\">: error calling eq: incompatible types for comparison",
        );
    }
}
