// The editor of YAML and of lessons: CodeMirror 6 with what Kubarium needs of it. Bundled by esbuild into editor.js and loaded lazily by the
// page (src/ui/browser/editor.rs), which talks to it through globalThis.kubariumEditor.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentLess, indentMore } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import {
  HighlightStyle, StreamLanguage, bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit, syntaxHighlighting,
} from '@codemirror/language';
import { lintGutter, lintKeymap, setDiagnostics } from '@codemirror/lint';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { EditorState, Prec } from '@codemirror/state';
import {
  EditorView, drawSelection, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';

// Colours come from the page's tokens, so that both themes and their switch need nothing here.
const theme = EditorView.theme({
  '&': { height: '100%', color: 'var(--ink)', backgroundColor: 'transparent', fontSize: 'var(--text-code)' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55' },
  '.cm-content': { caretColor: 'var(--ink)', paddingBlock: '12px' },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--ink-3)', border: 'none' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--tint)' },
  '&.cm-focused': { outline: 'none' },
  '&.cm-focused .cm-cursor': { borderLeftColor: 'var(--ink)', borderLeftWidth: '1.5px' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground':
    { backgroundColor: 'var(--select)' },
  '.cm-selectionMatch': { backgroundColor: 'var(--tint-2)' },
  '.cm-panels': { backgroundColor: 'var(--paper)', color: 'var(--ink)', borderColor: 'var(--line)' },
  '.cm-tooltip': { backgroundColor: 'var(--raised)', color: 'var(--ink)', border: '1px solid var(--line)' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--on-accent)' },
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
const languages = { yaml: () => [yaml(), autocompletion()], lesson: () => [lesson, EditorView.lineWrapping] };

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
  highlightActiveLine(), highlightSelectionMatches(), ...languages[options.language](), syntaxHighlighting(colours), theme,
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
    set: (text) => view.dispatch({ changes: difference(view.state.doc.toString(), text), scrollIntoView: true }),
    line: () => view.state.doc.lineAt(view.state.selection.main.head).number,
    mark: (found) => view.dispatch(setDiagnostics(view.state, Array.from(found, toDiagnostic(view.state.doc)))),
  };
};
