//! Prose of lessons and help: Markdown as plain blocks, so that the page builds elements and never inserts HTML.
//!
//! HTML in the source is shown as text. A fenced block marked `sh` is a command that can be run with one click, one marked
//! `yaml` a manifest that can be opened in the editor.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use serde::{Deserialize, Serialize};

/// A block of prose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Block {
    /// A heading; 1 is the largest.
    Heading(u8, Vec<Inline>),
    /// A paragraph.
    Paragraph(Vec<Inline>),
    /// A list: whether it is numbered, and its items.
    List(bool, Vec<Vec<Block>>),
    /// Commands for the terminal.
    Command(String),
    /// A manifest for the editor.
    Manifest(String),
    /// Other text in monospace.
    Code(String),
    /// A quotation, used for remarks aside.
    Aside(Vec<Block>),
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Inline {
    /// Plain text.
    Text(String),
    /// Names and commands.
    Code(String),
    /// Stressed.
    Emphasis(Vec<Inline>),
    /// Strongly stressed.
    Strong(Vec<Inline>),
    /// A link: its address and text. Addresses other than `https:` and `#` are dropped, the text stays.
    Link(String, Vec<Inline>),
}

/// How deep quotations, lists and stress may stand in one another; what is deeper is plain text.
const DEEPEST: u8 = 16;

/// Reads Markdown. Every input is valid Markdown, so this cannot fail.
pub fn parse(markdown: &str) -> Vec<Block> {
    let mut events = Parser::new(markdown);
    blocks(&mut events, None, 0)
}

/// Blocks up to the end of what was opened (`until`), or to the end of the text.
fn blocks(events: &mut Parser<'_>, until: Option<TagEnd>, depth: u8) -> Vec<Block> {
    let mut out = Vec::new();
    // Items of a tight list hold inline text without a paragraph around it.
    let mut loose: Vec<Inline> = Vec::new();
    while let Some(event) = events.next() {
        match event {
            Event::End(end) if Some(end) == until => break,
            Event::Start(tag) if is_inline(&tag) => loose.push(inline_of(events, tag, depth)),
            Event::Start(tag) => {
                flush(&mut loose, &mut out);
                out.extend(block(events, tag, depth));
            }
            other => loose.extend(plain(other)),
        }
    }
    flush(&mut loose, &mut out);
    out
}

fn flush(loose: &mut Vec<Inline>, out: &mut Vec<Block>) {
    if !loose.is_empty() {
        out.push(Block::Paragraph(joined(std::mem::take(loose))));
    }
}

fn block(events: &mut Parser<'_>, tag: Tag<'_>, depth: u8) -> Option<Block> {
    let end = tag.to_end();
    if depth >= DEEPEST {
        return Some(Block::Paragraph(vec![Inline::Text(flat(events))]));
    }
    let depth = depth + 1;
    Some(match tag {
        Tag::Heading { level, .. } => Block::Heading(level as u8, inlines(events, end, depth)),
        Tag::Paragraph => Block::Paragraph(inlines(events, end, depth)),
        Tag::BlockQuote(_) => Block::Aside(blocks(events, Some(end), depth)),
        Tag::List(first) => Block::List(first.is_some(), items(events, end, depth)),
        Tag::CodeBlock(kind) => code(&kind, text_until(events, end)),
        Tag::HtmlBlock => Block::Code(text_until(events, end)),
        _ => return Some(Block::Paragraph(inlines(events, end, depth))).filter(|b| *b != Block::Paragraph(Vec::new())),
    })
}

/// The text of what was just opened, to its end.
fn flat(events: &mut Parser<'_>) -> String {
    let (mut text, mut open) = (String::new(), 1_u32);
    for event in events.by_ref() {
        match event {
            Event::Start(_) => open += 1,
            Event::End(_) if open == 1 => break,
            Event::End(_) => open -= 1,
            Event::Text(t) | Event::Code(t) | Event::Html(t) | Event::InlineHtml(t) => text.push_str(&t),
            _ => text.push(' '),
        }
    }
    text
}

fn items(events: &mut Parser<'_>, until: TagEnd, depth: u8) -> Vec<Vec<Block>> {
    let mut items = Vec::new();
    while let Some(event) = events.next() {
        match event {
            Event::Start(Tag::Item) => items.push(blocks(events, Some(TagEnd::Item), depth)),
            Event::End(end) if end == until => break,
            _ => {}
        }
    }
    items
}

fn code(kind: &CodeBlockKind<'_>, text: String) -> Block {
    match kind {
        CodeBlockKind::Fenced(language) if matches!(&**language, "sh" | "bash" | "shell") => Block::Command(text),
        CodeBlockKind::Fenced(language) if matches!(&**language, "yaml" | "yml") => Block::Manifest(text),
        _ => Block::Code(text),
    }
}

fn text_until(events: &mut Parser<'_>, until: TagEnd) -> String {
    let mut text = String::new();
    for event in events.by_ref() {
        match event {
            Event::End(end) if end == until => break,
            Event::Text(t) | Event::Html(t) => text.push_str(&t),
            _ => {}
        }
    }
    text
}

fn inlines(events: &mut Parser<'_>, until: TagEnd, depth: u8) -> Vec<Inline> {
    let mut out = Vec::new();
    while let Some(event) = events.next() {
        match event {
            Event::End(end) if end == until => break,
            Event::Start(tag) => out.push(inline_of(events, tag, depth)),
            other => out.extend(plain(other)),
        }
    }
    joined(out)
}

/// Pieces of plain text side by side become one. A line break between two Chinese characters is not a space.
fn joined(pieces: Vec<Inline>) -> Vec<Inline> {
    let mut out: Vec<Inline> = Vec::new();
    for piece in pieces {
        match (out.last_mut(), piece) {
            (Some(Inline::Text(before)), Inline::Text(next)) => {
                let unspaced = before.strip_suffix(' ').filter(|b| b.ends_with(is_wide) && next.starts_with(is_wide));
                if let Some(length) = unspaced.map(str::len) {
                    before.truncate(length);
                }
                before.push_str(&next);
            }
            (_, piece) => out.push(piece),
        }
    }
    out
}

/// Whether a character is of a script that sets no spaces between words.
fn is_wide(c: char) -> bool {
    c >= '\u{2e80}'
}

fn is_inline(tag: &Tag<'_>) -> bool {
    matches!(tag, Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. } | Tag::Image { .. })
}

fn inline_of(events: &mut Parser<'_>, tag: Tag<'_>, depth: u8) -> Inline {
    if depth >= DEEPEST {
        return Inline::Text(flat(events));
    }
    let inner = inlines(events, tag.to_end(), depth + 1);
    match tag {
        Tag::Emphasis => Inline::Emphasis(inner),
        Tag::Strong => Inline::Strong(inner),
        Tag::Link { dest_url, .. } if dest_url.starts_with("https:") || dest_url.starts_with('#') => {
            Inline::Link(dest_url.to_string(), inner)
        }
        _ => Inline::Emphasis(inner),
    }
}

fn plain(event: Event<'_>) -> Option<Inline> {
    Some(match event {
        Event::Text(t) | Event::Html(t) | Event::InlineHtml(t) => Inline::Text(t.to_string()),
        Event::Code(t) => Inline::Code(t.to_string()),
        Event::SoftBreak => Inline::Text(" ".into()),
        Event::HardBreak => Inline::Text("\n".into()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(t: &str) -> Inline {
        Inline::Text(t.into())
    }

    fn check(markdown: &str, expected: &[Block]) {
        assert_eq!(parse(markdown), expected);
    }

    #[test]
    fn paragraphs_hold_text_code_and_stress() {
        check(
            "A `pod` is *small*.",
            &[Block::Paragraph(vec![
                text("A "),
                Inline::Code("pod".into()),
                text(" is "),
                Inline::Emphasis(vec![text("small")]),
                text("."),
            ])],
        );
    }

    #[test]
    fn fences_are_commands_manifests_or_plain_code() {
        check(
            "```sh\nkubectl get pods\n```\n```yaml\nkind: Pod\n```\n```\nx\n```\n",
            &[
                Block::Command("kubectl get pods\n".into()),
                Block::Manifest("kind: Pod\n".into()),
                Block::Code("x\n".into()),
            ],
        );
    }

    #[test]
    fn tight_and_loose_lists_both_have_blocks() {
        check(
            "1. one\n2. **two**\n",
            &[Block::List(
                true,
                vec![
                    vec![Block::Paragraph(vec![text("one")])],
                    vec![Block::Paragraph(vec![Inline::Strong(vec![text("two")])])],
                ],
            )],
        );
        check(
            "- a\n\n- b\n",
            &[Block::List(
                false,
                vec![vec![Block::Paragraph(vec![text("a")])], vec![Block::Paragraph(vec![text("b")])]],
            )],
        );
    }

    #[test]
    fn html_is_text_and_unsafe_links_lose_their_address() {
        check("<script>alert(1)</script>\n", &[Block::Code("<script>alert(1)</script>\n".into())]);
        check("[x](javascript:alert(1))", &[Block::Paragraph(vec![Inline::Emphasis(vec![text("x")])])]);
    }

    #[test]
    fn whatever_stands_in_the_text_no_html_and_no_foreign_scheme_comes_out() {
        /// Every address that a block would lead to.
        fn addresses(blocks: &[Block], found: &mut Vec<String>) {
            for block in blocks {
                match block {
                    Block::Heading(_, text) | Block::Paragraph(text) => found.extend(text.iter().flat_map(hrefs)),
                    Block::List(_, items) => items.iter().for_each(|item| addresses(item, found)),
                    Block::Aside(inner) => addresses(inner, found),
                    Block::Command(_) | Block::Manifest(_) | Block::Code(_) => {}
                }
            }
        }
        fn hrefs(piece: &Inline) -> Vec<String> {
            match piece {
                Inline::Link(href, inner) => [href.clone()].into_iter().chain(inner.iter().flat_map(hrefs)).collect(),
                Inline::Emphasis(inner) | Inline::Strong(inner) => inner.iter().flat_map(hrefs).collect(),
                Inline::Text(_) | Inline::Code(_) => Vec::new(),
            }
        }
        let hostile = "[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](data:text/html,<script>) [d](vbscript:x)\n\
            [e](  javascript:alert(1)) ![f](javascript:alert(1)) <javascript:alert(1)> <img src=x onerror=alert(1)>\n\
            [g](https://example.com/) [h]\n\n[h]: javascript:alert(1)\n\n- > [i](//evil) <b onclick=x>\n";
        let mut found = Vec::new();
        addresses(&parse(hostile), &mut found);
        assert_eq!(found, ["https://example.com/"]);
    }

    #[test]
    fn what_stands_too_deep_is_flat() {
        for deep in [">".repeat(60_000) + "x", "- ".repeat(60_000) + "x", "*a _b ".repeat(30_000), "[".repeat(60_000)] {
            let shown = format!("{:?}", parse(&deep));
            assert!(shown.matches("Aside(").count() <= usize::from(DEEPEST), "{}", shown.len());
        }
        let (open, close) = ("*_".repeat(20), "_*".repeat(20));
        assert!(format!("{:?}", parse(&format!("{open}deep{close}"))).contains("\"deep\""), "the text is there");
    }

    #[test]
    fn a_line_break_is_a_space_except_between_chinese_characters() {
        check("一\n二", &[Block::Paragraph(vec![text("一二")])]);
        check("one\ntwo", &[Block::Paragraph(vec![text("one two")])]);
    }
}
