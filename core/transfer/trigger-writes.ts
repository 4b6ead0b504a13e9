/** A row trigger of the application that runs before a write. */
export interface BeforeTrigger {
  readonly name: string;
  /** Of its function; the source is PL/pgSQL's text, or the name of a function in C. */
  readonly language: string;
  readonly function: string;
  readonly source: string;
  /** As CREATE TRIGGER gives them. */
  readonly arguments: readonly string[];
}

/** Functions whose text says nothing, and what they write by their arguments (PostgreSQL, contrib/spi, text search, trigger functions). */
const KNOWN = new Map<string, (args: readonly string[]) => readonly string[]>([
  ['suppress_redundant_updates_trigger', () => []],
  ['moddatetime', (args) => args.slice(0, 1)],
  ['autoinc', (args) => args.filter((_, index) => index % 2 === 0)],
  ['insert_username', (args) => args.slice(0, 1)],
  ['tsvector_update_trigger', (args) => args.slice(0, 1)],
  ['tsvector_update_trigger_column', (args) => args.slice(0, 1)],
]);

/** A statement may begin here: after another one, or after a word that opens a block. */
const BEGINS = String.raw`(?:^|;|>>|\b(?:begin|then|else|loop)\b)\s*`;
const COLUMN = String.raw`new\s*\.\s*("(?:[^"]|"")+"|\w+)\s*(?:\[[^\]]*\]\s*)*`;

/** Columns of its row that a trigger may write; null where its text does not say which. */
export function columnsWritten(trigger: BeforeTrigger): readonly string[] | null {
  const known = KNOWN.get(trigger.function);
  if (known !== undefined && trigger.language !== 'plpgsql') return known(trigger.arguments);
  if (trigger.language !== 'plpgsql') return null;
  const code = withoutTexts(trigger.source);
  const isUnclear =
    new RegExp(String.raw`\bnew\s*:=|${BEGINS}new\s*=|\binto\b[^;]*\bnew\b|\bcall\b[^;]*\bnew\b`, 'i').test(code) ||
    [...code.matchAll(/\breturn\s+([^;]+?)\s*;/gi)].some(([, value]) => !/^(new|old|null)$/i.test(value ?? ''));
  if (isUnclear) return null;
  const assigned = [...code.matchAll(new RegExp(String.raw`\b${COLUMN}:=`, 'gi')), ...code.matchAll(new RegExp(`${BEGINS}${COLUMN}=`, 'gi'))];
  return [...new Set(assigned.map(([, name]) => unquoted(name ?? '')))];
}

/** Comments and strings hold no statement; a quoted name stays. */
function withoutTexts(source: string): string {
  return source.replaceAll(/--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|\$(\w*)\$[\s\S]*?\$\1\$/g, ' ');
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase();
}
