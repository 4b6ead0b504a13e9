import type { Node } from 'libpg-query';
import { DIRECT_CALL_CHARACTERS, PHASE_FILE_BYTES } from './call-limits.ts';
import { classifyStatement } from './classify-statement.ts';
import type { LongProof, Statement } from './compiled-plan.ts';
import { hidingWords } from './hidden-names.ts';
import type { ParsedStatement, SqlFile } from './parse-sql.ts';
import type { Report } from './plan-fault.ts';
import { fileFault } from './plan-fault.ts';
import { refusal } from './refuse-statement.ts';
import { faultAt } from './source-text.ts';
import { explainUnknown } from './unknown-key.ts';

/** A statement of an up.sql or undo.sql; `proof` is null when a transaction can hold it. */
export interface CompiledStatement {
  readonly statement: Statement;
  readonly node: Node;
  readonly proof: LongProof | null;
}

/** Compiles an up.sql or undo.sql; all its statements fit one transaction, or none does. */
export function compileStatements(file: SqlFile, direction: 'up' | 'undo', report: Report): readonly CompiledStatement[] {
  for (const header of file.headers.filter(({ key }) => key !== 'allow')) {
    report(faultAt(file.source, header.start, explainUnknown('header', header.key, ['allow'])));
  }
  const empty = {
    up: 'write what the phase does',
    undo: 'write what takes the phase back, or say "undo: none" and "because" in plan.yaml and remove the file',
  };
  if (file.statements.length === 0) report(fileFault(file.source.file, `the file holds no statement; ${empty[direction]}`));
  const compiled = file.statements.flatMap((statement) => compileStatement(file, statement, direction, report));
  if (file.source.bytes.length > PHASE_FILE_BYTES) {
    report(
      fileFault(
        file.source.file,
        `a phase takes ${PHASE_FILE_BYTES} bytes at most, got ${file.source.bytes.length}; split the phase, or move rows with a transfer`,
      ),
    );
  }
  reportMixture(file, compiled, direction, report);
  return compiled;
}

function compileStatement(file: SqlFile, parsed: ParsedStatement, direction: 'up' | 'undo', report: Report): readonly CompiledStatement[] {
  const { node, sql, number, line } = parsed;
  const refuse = (reason: string): readonly CompiledStatement[] => {
    report(faultAt(file.source, parsed.start, `${commandOf(parsed)} is refused: ${reason}`));
    return [];
  };
  const hiding = direction === 'up' ? hidingWords(node) : null;
  if (hiding !== null) {
    const advice = hiding === 'or replace' ? 'leave it out, and drop the old one first where there is one' : 'leave it out';
    return refuse(`"${hiding}" hides what was there before, so that no undo could tell; a run proves first that the name is free, so ${advice}`);
  }
  const reason = refusal(node);
  if (reason !== null) return refuse(reason);
  const classification = classifyStatement(node);
  if (classification.kind === 'refused') return refuse(classification.reason);
  const proof = classification.kind === 'long' ? classification.proof : null;
  if (proof !== null && sql.length > DIRECT_CALL_CHARACTERS)
    return refuse(`one call takes ${DIRECT_CALL_CHARACTERS} characters at most, got ${sql.length}; shorten it`);
  return [{ statement: { file: file.source.file, line, number, sql }, node, proof }];
}

function reportMixture(file: SqlFile, compiled: readonly CompiledStatement[], direction: 'up' | 'undo', report: Report): void {
  const long = compiled.find(({ proof }) => proof !== null);
  const short = compiled.find(({ proof }) => proof === null);
  if (long === undefined || short === undefined) return;
  const start = file.statements[long.statement.number - 1]?.start ?? 0;
  const advice =
    direction === 'up' ? 'put them into phases of their own' : 'write the undo with one kind of statement, such as DROP INDEX without CONCURRENTLY';
  const message = `the statement in line ${long.statement.line} refuses transactions, and the one in line ${short.statement.line} needs one; ${advice}`;
  report(faultAt(file.source, start, message));
}

/** The words that name the command: CREATE TABLE, SET, VACUUM. */
export function commandOf({ sql }: Pick<ParsedStatement, 'sql'>): string {
  const [first = '', second = ''] = sql
    .replace(/^(\w+)\s+or\s+replace\b/i, '$1')
    .split(/[^A-Za-z_]+/)
    .map((word) => word.toUpperCase());
  return ['CREATE', 'ALTER', 'DROP', 'DISCARD'].includes(first) ? `${first} ${second}` : first;
}
