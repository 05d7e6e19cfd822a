// Splits a wasm program in two: what a start runs, and the rest, which is fetched when the start is over or when one of its
// functions is first called (`join.js`). Which functions a start runs is not guessed: `counted` makes a program that keeps
// count, `started` reads what it counted.
import binaryen from 'binaryen';

const COUNT = 'ran:';
/** Under this name each half imports from the other. */
const OTHER = 'other';

const { MutableGlobals, SignExt, NontrappingFPToInt, BulkMemory, BulkMemoryOpt, ReferenceTypes, CallIndirectOverlong, Multivalue } =
  binaryen.Features;

const read = (bytes) => {
  const module = binaryen.readBinary(bytes);
  module.setFeatures(
    MutableGlobals | SignExt | NontrappingFPToInt | BulkMemory | BulkMemoryOpt | ReferenceTypes | CallIndirectOverlong | Multivalue,
  );
  return module;
};

const written = (module, passes) => {
  module.runPasses(passes);
  if (!module.validate()) throw new Error('a half of the program is not valid');
  return module.emitBinary();
};

const each = (count, item) => Array.from({ length: count }, (_, at) => item(at));
const functionsOf = (module) =>
  each(module.getNumFunctions(), (at) => binaryen.getFunctionInfo(module.getFunctionByIndex(at)));

/** A program that keeps in one exported global for each function whether it ran. */
export function counted(bytes) {
  const module = read(bytes);
  for (const { name, base, results, body } of functionsOf(module)) {
    if (base) continue;
    const global = COUNT + name;
    module.addGlobal(global, binaryen.i32, true, module.i32.const(0));
    module.addGlobalExport(global, global);
    const ran = module.global.set(global, module.i32.const(1));
    binaryen.Function(module.getFunction(name)).body = module.block(null, [ran, body], results);
  }
  return written(module, []);
}

/** The names of the functions that ran, from the exports of what `counted` made. It runs in the page or the worker. */
export const started = (exports) =>
  Object.entries(exports).filter(([name, value]) => name.startsWith('ran:') && value.value === 1).map(([name]) => name.slice(4));

/** A function that sees to it that the other half is there, then calls one by its place in the table. */
const detour = (module, table, place, { params, results }) =>
  module.block(null, [
    module.if(module.i32.eqz(module.global.get('joined', binaryen.i32)), module.call('join', [], binaryen.none)),
    module.call_indirect(
      table,
      module.i32.const(place),
      binaryen.expandType(params).map((type, at) => module.local.get(at, type)),
      params,
      results,
    ),
  ], results);

/**
 * The two halves `[first, rest]` of a program. The first has all data and the functions in `names`; it imports `other.join`,
 * which must instantiate the rest and then set the exported global `joined` to 1. The rest imports from `other` what the first
 * exports: memory, tables, globals and functions.
 */
export function split(bytes, names) {
  const [first, rest] = [read(bytes), read(bytes)];
  const functions = functionsOf(first);
  const isLater = ({ name, base }) => !base && !names.has(name);
  const later = functions.filter(isLater);

  const segments = each(first.getNumElementSegments(), (at) => binaryen.getElementSegmentInfo(first.getElementSegmentByIndex(at)));
  const [{ table }] = segments;
  const offsetOf = ({ offset }) => binaryen.getExpressionInfo(offset).value;
  const places = new Map(segments.flatMap((segment) => segment.data.map((name, at) => [name, offsetOf(segment) + at])));
  let size = binaryen.getTableInfo(first.getTable(table)).initial;
  for (const { name } of later) if (!places.has(name)) places.set(name, size++);

  const exports = each(rest.getNumExports(), (at) => binaryen.getExportInfo(rest.getExportByIndex(at)));
  for (const { name } of exports) rest.removeExport(name);
  // What both halves have: the first's, imported by the rest.
  const both = (kind, infos, importOf) => infos.forEach((info, at) => importOf(info, `${kind}${at}`));
  both('table', each(first.getNumTables(), (at) => binaryen.getTableInfo(first.getTableByIndex(at))), ({ name }, shared) => {
    first.addTableExport(name, shared);
    rest.addTableImport(name, OTHER, shared);
  });
  both('global', each(first.getNumGlobals(), (at) => binaryen.getGlobalInfo(first.getGlobalByIndex(at))), ({ name, type, mutable }, shared) => {
    first.addGlobalExport(name, shared);
    rest.removeGlobal(name);
    rest.addGlobalImport(name, OTHER, shared, type, mutable);
  });
  const { value: memory } = exports.find(({ kind }) => kind === binaryen.ExternalMemory);
  first.addMemoryExport(memory, 'memory0');
  rest.addMemoryImport(memory, OTHER, 'memory0');

  first.addFunctionImport('join', OTHER, 'join', binaryen.none, binaryen.none);
  first.addGlobal('joined', binaryen.i32, true, first.i32.const(0));
  first.addGlobalExport('joined', 'joined');
  for (const info of later) {
    first.removeFunction(info.name);
    first.addFunction(info.name, info.params, info.results, [], detour(first, table, places.get(info.name), info));
  }
  for (const { name } of segments) rest.removeElementSegment(name);
  const short = new Map(functions.map(({ name }, at) => [name, at.toString(36)]));
  for (const info of functions) {
    if (isLater(info)) continue;
    if (!info.base) rest.removeFunction(info.name);
    rest.addFunctionImport(info.name, OTHER, short.get(info.name), info.params, info.results);
  }
  // What the rest calls is exported to it, and what the first calls, by a detour or by the table, gets its place there.
  const all = 'all';
  rest.addActiveElementSegment(table, all, later.map(({ name }) => name), rest.i32.const(0));
  rest.runPasses(['remove-memory-init', 'remove-unused-module-elements']);
  rest.removeElementSegment(all);
  for (const { name, base } of functionsOf(rest)) if (base) first.addFunctionExport(name, short.get(name));
  for (const half of [first, rest]) {
    const grown = new binaryen.Table(half.getTable(table));
    grown.setInitial(size);
    grown.setMax(size);
  }
  first.runPasses(['remove-unused-module-elements']);

  const called = new Set(functionsOf(first).map(({ name }) => name));
  const placed = later.filter(({ name }) => called.has(name)).sort((a, b) => places.get(a.name) - places.get(b.name));
  let run = [];
  const put = () => {
    if (run.length) rest.addActiveElementSegment(table, `e${places.get(run[0])}`, run, rest.i32.const(places.get(run[0])));
    run = [];
  };
  for (const { name } of placed) {
    if (run.length && places.get(name) !== places.get(run.at(-1)) + 1) put();
    run.push(name);
  }
  put();

  return [written(first, []), written(rest, ['remove-unused-module-elements'])];
}
