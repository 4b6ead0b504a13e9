import type { QualifiedName } from '../plan/compiled-plan.ts';

/** An identifier as SQL text; always quoted, so that no word is a keyword. */
export function quoteIdent(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteName(name: QualifiedName): string {
  return `${quoteIdent(name.schema)}.${quoteIdent(name.name)}`;
}

/** A text as a SQL literal (PostgreSQL, string constants; standard_conforming_strings is on). */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
