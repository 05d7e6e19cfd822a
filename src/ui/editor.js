// The YAML editor: what the page calls of CodeMirror 6. Bundled by .web/bundle.mjs, loaded when it is first opened.
export { EditorView } from '@codemirror/view';
