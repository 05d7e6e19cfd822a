// The editor of YAML and of lessons: CodeMirror 6 with what Kubarium needs of it. Bundled by esbuild into editor.js and loaded lazily by the
// page (src/ui/browser/editor.rs), which talks to it through globalThis.kubariumEditor.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, pickedCompletion } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentLess, indentMore } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import {
  HighlightStyle, StreamLanguage, bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit, syntaxHighlighting,
} from '@codemirror/language';
import { lintGutter, lintKeymap, setDiagnostics } from '@codemirror/lint';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState, Prec } from '@codemirror/state';
import {
  EditorView, drawSelection, highlightActiveLine, highlightActiveLineGutter, hoverTooltip, keymap, lineNumbers,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';

// Colours come from the page's tokens, so that both themes and their switch need nothing here.
const theme = EditorView.theme({
  '&': { height: '100%', color: 'var(--ink)', backgroundColor: 'transparent', fontSize: 'var(--text-code)' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55' },
  '.cm-content': { caretColor: 'var(--ink)', paddingBlock: '12px' },
  // What is scrolled sideways goes below the numbers.
  '.cm-gutters': { backgroundColor: 'var(--paper)', color: 'var(--ink-3)', border: 'none' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--tint)' },
  '&.cm-focused': { outline: 'none' },
  '&.cm-focused .cm-cursor': { borderLeftColor: 'var(--ink)', borderLeftWidth: '1.5px' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground':
    { backgroundColor: 'var(--select)' },
  '.cm-selectionMatch': { backgroundColor: 'var(--tint-2)' },
  '.cm-panels': { backgroundColor: 'var(--paper)', color: 'var(--ink)', borderColor: 'var(--line)' },
  '.cm-tooltip': { backgroundColor: 'var(--raised)', color: 'var(--ink)', border: '1px solid var(--line)' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--on-accent)' },
  '.cm-tooltip-autocomplete ul li': { display: 'flex', gap: '14px', padding: '2px 8px' },
  '.cm-completionDetail': { marginInlineStart: 'auto', fontStyle: 'normal', color: 'var(--ink-3)' },
  'li[aria-selected] .cm-completionDetail': { color: 'inherit' },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700' },
  '.cm-field': { fontFamily: 'var(--sans)', fontSize: '12.5px', padding: '6px 10px', maxWidth: '46ch' },
  '.cm-field p:first-child': { fontFamily: 'var(--mono)' },
  '.cm-diagnostic': { fontFamily: 'var(--sans)', padding: '6px 10px' },
  '.cm-diagnostic-error': { borderLeft: '3px solid var(--bad)' },
  '.cm-diagnostic-warning': { borderLeft: '3px solid var(--waiting)' },
  '.cm-foldPlaceholder': { background: 'var(--tint-2)', border: 'none', color: 'var(--ink-2)', padding: '0 6px' },
});

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--code-key)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--code-string)' },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: 'var(--code-number)' },
  { tag: tags.heading, color: 'var(--ink)', fontWeight: '600' },
  { tag: [tags.comment, tags.lineComment], color: 'var(--ink-3)', fontStyle: 'italic' },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace, tags.meta], color: 'var(--ink-2)' },
]);

// The Markdown of a lesson, as far as src/lesson/format.rs looks at it.
const lesson = StreamLanguage.define({
  name: 'lesson',
  startState: () => ({ marks: 0, fence: null }),
  token(stream, state) {
    const starts = stream.sol();
    if (starts && state.marks < 2 && stream.match(/^---$/)) { state.marks += 1; return 'meta'; }
    if (starts && state.marks === 1 && stream.match(/^\w+:/)) return 'propertyName';
    if (starts && stream.match(/^```/)) {
      const language = stream.match(/^.*/)[0].trim();
      state.fence = state.fence === null ? language : null;
      return 'keyword';
    }
    if (starts && state.fence === null && stream.match(/^## .*/)) return 'heading';
    if (state.fence === 'check' && stream.match(/^ -- .*/)) return 'string';
    if (state.fence === 'check' && stream.match(/^.+?(?= -- )/)) return null;
    stream.skipToEnd();
    return state.fence === null ? null : 'meta';
  },
});

// What is asked of the page and answered later, each question with a number.
let asked = 0;
const waiting = new Map();
const ask = (send) => new Promise((resolve) => {
  asked += 1;
  waiting.set(asked, resolve);
  send(asked);
});
const answer = (ticket, value) => {
  waiting.get(ticket)?.(value);
  waiting.delete(ticket);
};

// Whether what was done last was to choose a completion: then what is in it is offered at once.
let picked = false;
const picks = EditorView.updateListener.of((update) => {
  if (update.docChanged) picked = update.transactions.some((one) => one.annotation(pickedCompletion));
});

// What the core says could stand at the cursor: [how much of the line stays, [label, text, detail]…].
const complete = (options) => async (context) => {
  if (!context.explicit && !picked && !context.matchBefore(/[\w./-]+|: +/)) return null;
  const line = context.state.doc.lineAt(context.pos);
  const text = context.state.doc.toString();
  const [from, list] = await ask((ticket) => options.suggest(text, line.number, context.pos - line.from, ticket));
  if (context.aborted || list.length === 0) return null;
  return {
    from: line.from + from,
    options: list.map(([label, apply, detail]) => ({ label, apply, detail })),
    validFor: /^[\w./-]*$/,
  };
};

// What the core knows of the field under the pointer, a paragraph each.
const hover = (options) => hoverTooltip(async (view, pos) => {
  const line = view.state.doc.lineAt(pos);
  const said = await ask((ticket) => options.describe(view.state.doc.toString(), line.number, ticket));
  if (said.length === 0) return null;
  const from = line.from + line.text.search(/[^\s-]|$/);
  const create = () => {
    const dom = document.createElement('div');
    dom.className = 'cm-field';
    for (const text of said) dom.appendChild(document.createElement('p')).textContent = text;
    return { dom };
  };
  return { pos: from, end: line.to, above: true, create };
});

// The line of the cursor, once it rests.
const cursor = (options) => {
  let timer;
  let told = 0;
  return EditorView.updateListener.of((update) => {
    const line = update.state.doc.lineAt(update.state.selection.main.head).number;
    if (!update.docChanged && line === told) return;
    told = line;
    clearTimeout(timer);
    timer = setTimeout(() => options.describe(update.state.doc.toString(), line, 0), 150);
  });
};

const languages = {
  yaml: (options) => [
    yaml(), autocompletion({ override: [complete(options)], activateOnCompletion: () => true, icons: false }),
    hover(options), cursor(options), picks,
  ],
  lesson: () => [lesson, EditorView.lineWrapping],
};

// What the editor itself says, where that is not English.
const phrases = {
  zh: {
    Completions: '补全', Diagnostics: '诊断', 'No diagnostics': '没有诊断', 'Fold line': '折叠此行', 'Unfold line': '展开此行',
    'folded code': '已折叠的代码', unfold: '展开', 'Folded lines': '已折叠的行', 'Unfolded lines': '已展开的行', to: '至',
    Find: '查找', Replace: '替换', next: '下一个', previous: '上一个', all: '全部', 'match case': '区分大小写',
    regexp: '正则表达式', 'by word': '全词匹配', replace: '替换', 'replace all': '全部替换', close: '关闭',
    'current match': '当前匹配', 'on line': '位于行', 'replaced $ matches': '已替换 $ 处', 'replaced match on line $': '已替换第 $ 行的匹配',
    'Go to line': '跳转到行', go: '跳转', 'Selection deleted': '已删除选区', 'Control character': '控制字符',
  },
};
const spoken = new Compartment();
const speech = (locale) => EditorState.phrases.of(phrases[locale] ?? {});

// Escape, then Tab, leaves the editor: the keyboard is never trapped.
let escaped = false;
const tab = (command) => (view) => {
  if (escaped) { escaped = false; return false; }
  return command(view);
};

const keys = (options) => [
  { key: 'Mod-Enter', run: () => { options.apply(); return true; } },
  { key: 'Escape', run: () => { escaped = true; return false; } },
  { key: 'Tab', run: tab(indentMore), shift: tab(indentLess) },
];

const extensions = (options) => [
  lineNumbers(), highlightActiveLineGutter(), foldGutter(), lintGutter(), history(), drawSelection(), indentOnInput(),
  indentUnit.of('  '), EditorState.tabSize.of(2), bracketMatching(), closeBrackets(),
  highlightActiveLine(), highlightSelectionMatches(), ...languages[options.language](options), spoken.of(speech(options.locale)), syntaxHighlighting(colours), theme,
  EditorView.contentAttributes.of({ 'aria-label': options.label, tabindex: '0' }),
  Prec.high(keymap.of(keys(options))),
  keymap.of([
    ...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap,
    ...lintKeymap,
  ]),
  EditorView.updateListener.of((update) => {
    if (update.docChanged) { escaped = false; options.changed(update.state.doc.toString()); }
  }),
];

// A line and column of the core (from 1; 0 for "all of it") as an offset into the text, never outside it.
const offset = (doc, line, column, atEnd) => {
  const row = doc.line(Math.min(Math.max(line, 1), doc.lines));
  if (column > 0) return Math.min(row.from + column - 1, row.to);
  return atEnd ? row.to : row.from;
};

const toDiagnostic = (doc) => ([line, column, endLine, endColumn, warning, message]) => {
  const from = offset(doc, line, column, false);
  const to = Math.max(from, offset(doc, endLine || line, endColumn, true));
  return { from, to, severity: warning ? 'warning' : 'error', message };
};

// What has to change in a text, so that the cursor stays where it is in the rest.
const difference = (old, text) => {
  const most = Math.min(old.length, text.length);
  let start = 0;
  while (start < most && old[start] === text[start]) start += 1;
  let end = 0;
  while (end < most - start && old[old.length - 1 - end] === text[text.length - 1 - end]) end += 1;
  return { from: start, to: old.length - end, insert: text.slice(start, text.length - end) };
};

globalThis.kubariumEditor = (host, options) => {
  const state = EditorState.create({ doc: options.text, extensions: extensions(options) });
  const view = new EditorView({ state, parent: host });
  return {
    // A cursor in what is replaced goes to where that begins.
    set: (text) => {
      const changes = difference(view.state.doc.toString(), text);
      const { head } = view.state.selection.main;
      const selection = head > changes.from && head <= changes.to ? { anchor: changes.from } : undefined;
      view.dispatch({ changes, selection, scrollIntoView: true });
    },
    speak: (locale) => view.dispatch({ effects: spoken.reconfigure(speech(locale)) }),
    answer,
    line: () => view.state.doc.lineAt(view.state.selection.main.head).number,
    mark: (found) => view.dispatch(setDiagnostics(view.state, Array.from(found, toDiagnostic(view.state.doc)))),
  };
};
