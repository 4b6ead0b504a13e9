import { nearest } from '../../core/plan/nearest.ts';
import { describeFault } from '../../core/plan/plan-fault.ts';
import { annotations } from '../annotations.ts';
import { acceptedLines, upInWords } from '../confirm.ts';
import { NoRunError } from '../no-run-error.ts';
import { planSql, renderSql, type SqlSection } from '../plan-sql.ts';
import { choosePlan, compileFolder, type LoadedPlan, type Loading, listPlans } from '../plans.ts';
import type { Shell } from '../shell.ts';

export interface CheckRequest {
  readonly plan: string | undefined;
  readonly all: boolean;
  /** Prints what would be sent to the database. */
  readonly sql: boolean;
  /** Of this phase only. */
  readonly phase: string | undefined;
  readonly json: boolean;
  /** Faults as GitHub Actions shows them beside the line. */
  readonly isAnnotated: boolean;
}

/** Compiles a plan, or all; exit code 1 when one does not compile. Reads files only. */
export async function check({ terminal, plansFolder }: Pick<Shell, 'terminal' | 'plansFolder'>, request: CheckRequest): Promise<number> {
  const folders = await listPlans(plansFolder);
  const chosen = request.all ? folders : [choosePlan(request.plan, folders)];
  const results = await Promise.all(chosen.map(compileFolder));
  if (request.json) {
    terminal.out(
      JSON.stringify(
        results.map((result) => asJson(result, request)),
        null,
        2,
      ),
    );
  } else {
    for (const result of results) {
      if (request.isAnnotated) for (const line of annotations(result)) terminal.out(line);
      if (!result.ok) terminal.say([`plan ${result.id} does not compile`, ...result.faults.map(describeFault)].join('\n'));
      else if (request.sql) terminal.out(sqlPage(result.loaded, request.phase));
      else if (!request.isAnnotated) terminal.out(compiledLines(result).join('\n'));
    }
  }
  return results.every((result) => result.ok) ? 0 : 1;
}

function compiledLines({ loaded: { plan, digest } }: Extract<Loading, { ok: true }>): readonly string[] {
  return [
    `plan ${plan.id} compiles: ${plan.title}`,
    ...plan.phases.map((phase) => `  ${phase.ordinal} ${phase.id.padEnd(12)} ${upInWords(phase)}`),
    ...acceptedLines(plan),
    `  digest ${digest}`,
  ];
}

function sqlPage({ plan, digest }: LoadedPlan, phase: string | undefined): string {
  return `-- plan ${plan.id}: ${plan.title}\n-- digest ${digest}\n${renderSql(sectionsOf(plan, phase))}`;
}

/** @throws {NoRunError} for a phase that the plan does not have. */
function sectionsOf(plan: LoadedPlan['plan'], phase: string | undefined): readonly SqlSection[] {
  const names = plan.phases.map(({ id }) => String(id));
  if (phase !== undefined && !names.includes(phase)) {
    const near = nearest(phase, names);
    throw new NoRunError(
      `plan ${plan.id} has no phase "${phase}"; ${near === null ? `its phases are ${names.join(', ')}` : `did you mean ${near}?`}`,
    );
  }
  return planSql(plan).filter((section) => phase === undefined || section.phase === phase);
}

function asJson(result: Loading, { sql, phase }: CheckRequest) {
  if (!result.ok) return { plan: result.id, compiles: false, faults: result.faults.map((fault) => ({ ...fault, hazard: fault.hazard ?? null })) };
  const { plan, digest } = result.loaded;
  const phases = plan.phases.map(({ id, ordinal, kind }) => ({ id, ordinal, kind }));
  const document = { plan: plan.id, compiles: true, title: plan.title, digest, phases, accepted: plan.accepted };
  return sql ? { ...document, sql: sectionsOf(plan, phase) } : document;
}
