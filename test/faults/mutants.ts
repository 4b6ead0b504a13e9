import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** A planted defect: texts of the sources that are replaced, and the cases that have to notice. */
export interface Mutant {
  readonly name: string;
  readonly patches: readonly { readonly file: string; readonly from: string; readonly to: string }[];
  readonly scenario: string;
  /** In the names of the cases that are run. */
  readonly only: string;
}

const mutant = (
  name: string,
  [scenario, only]: readonly [string, string],
  ...patches: readonly (readonly [file: string, from: string, to: string])[]
): Mutant => ({ name, scenario, only, patches: patches.map(([file, from, to]) => ({ file, from, to })) });

export const MUTANTS: readonly Mutant[] = [
  mutant(
    "a phase's ledger row is committed before the phase",
    ['execute', 'select stepgate.run_phase && : resuming'],
    [
      'adapters/phase-ledger.ts',
      'runTransaction: async (run, phase, renaming = null) => {',
      `runTransaction: async (run, phase, renaming = null) => {
      await query(
        z.unknown(),
        \`insert into stepgate.phase (plan, phase, ordinal, digest, run_id, applied_at, result)
values (:plan::text, :phase::text, :ordinal::int, :digest::text, :run::text, now(), '{"statements":0,"durationMs":0}') on conflict do nothing\`,
        { plan: run.plan, phase: phase.id, ordinal: phase.ordinal, digest: phase.digest, run: run.id },
      );`,
    ],
    [
      'ledger/functions/run-phase.sql',
      "if not found then\n    return 'already';",
      "if exists (select from stepgate.phase p where p.plan = p_plan and p.phase = p_phase and p.result ->> 'statements' <> '0') then\n    return 'already';",
    ],
  ),
  mutant(
    'a phase is run again after an unknown outcome',
    ['execute', 'select stepgate.run_phase && unavailable after the effect'],
    ['lambdas/phases/run-phase.ts', 'if ((await ledger.result(run.plan, id)) === null) {', '{'],
    ['ledger/functions/run-phase.sql', "if not found then\n    return 'already';\n  end if;", ''],
  ),
  mutant(
    'the cursor moves before its batch',
    ['execute', 'select stepgate.run_batch && unavailable after the effect'],
    [
      'adapters/transfer-ledger.ts',
      `  return async (run, call) => {
    const [row] = await query(`,
      `  return async (run, given) => {
    let call = given;
    const moved = { run: run.id, token: run.token, plan: run.plan, phase: call.phase, transfer: call.transfer };
    if (call.direction === 'up') {
      const [at] = await query(
        z.object({ last_key: z.string().nullable() }),
        "select max(last_key) as last_key from stepgate.transfer where plan = :plan::text and transfer = :transfer::text and direction = 'up'",
        { plan: run.plan, transfer: call.transfer },
      );
      await query(
        Answer,
        \`select stepgate.run_batch(:run::text, :token::bigint, :plan::text, :phase::text, :transfer::text, 'up', :range::int, :rows::int, :sql::jsonb) as progress\`,
        { ...moved, range: call.range, rows: call.rows, sql: JSON.stringify({ ...call.sql, move: 'select 0::bigint, 0::bigint, 0::bigint' }) },
      );
      call = { ...call, sql: { ...call.sql, lateFrom: at?.last_key ?? null } as typeof call.sql };
    }
    const [row] = await query(`,
    ],
    [
      'ledger/functions/run-batch.sql',
      '  for update;\n  begun :=',
      "  for update;\n  if p_sql ? 'lateFrom' and cursor_row.done_at is null then\n    cursor_row.last_key := p_sql ->> 'lateFrom';\n  end if;\n  begun :=",
    ],
  ),
  mutant(
    'the token is not checked',
    ['execute behind a rollback that was stopped', 'CompleteRun: UndoPhase of an earlier run comes late'],
    ['ledger/functions/enter.sql', 'if holder is null then', 'if false then'],
  ),
  mutant(
    'the fence is not lowered behind an undo',
    ['live execute', 'CompleteRun › rdsData ExecuteStatement update && refused for good'],
    [
      'infra/state-machine.asl.ts',
      `Choices: [{ Condition: '{% $progress.done %}', Assign: { outcome: 'rolled-back', proof: '{% $progress %}' }, Next: 'LowerFence' }],`,
      `Choices: [{ Condition: '{% $progress.done %}', Assign: { outcome: 'rolled-back', proof: '{% $progress %}' }, Next: 'CloseRun' }],`,
    ],
  ),
  mutant(
    'phases are undone oldest first',
    ['rollback', 'DecideRecovery: dies before its work'],
    ['core/run/recovery-step.ts', 'sort((a, b) => b.ordinal - a.ordinal)', 'sort((a, b) => a.ordinal - b.ordinal)'],
  ),
  mutant(
    'the snapshot is not awaited',
    ['execute', 'never ready'],
    ['lambdas/snapshot/await-snapshot.ts', 'return { done: false, percent: found.percent };', 'return { done: true, percent: found.percent };'],
  ),
  mutant(
    'an invalid index is taken for a built one',
    ['execute', 'is ended half-way'],
    ['adapters/long-statements.ts', 'when exists (${index} and i.indisvalid and i.indisready)', 'when exists (${index})'],
  ),
  mutant(
    'a halted run is reported as migrated',
    ['rollback', 'select stepgate.undo_phase && refused for good'],
    [
      'lambdas/finish/close-run.ts',
      "const end = { kind: 'outcome', at, outcome,",
      "const end = { kind: 'outcome', at, outcome: outcome === 'halted' ? 'migrated' : outcome,",
    ],
  ),
  mutant(
    'rows for the quarantine are dropped',
    ['execute', 'RunBackfill: dies before its work'],
    ['core/transfer/batch-sql.ts', 'on ${driving} where stepgate_reason is not null', 'on ${driving} where false'],
  ),
  mutant(
    'the snapshot is asked for before the journal says so',
    ['execute', 'killed behind it each time'],
    [
      'lambdas/snapshot/create-snapshot.ts',
      "    await deps.journal.write(run.id, 'snapshot', requested);\n    if (token !== null)",
      '    if (token !== null)',
    ],
    [
      'lambdas/snapshot/create-snapshot.ts',
      '    if (restoreCommand !== null) {',
      "    await deps.journal.write(run.id, 'snapshot', requested);\n    if (restoreCommand !== null) {",
    ],
  ),
  mutant(
    'a run that is refused keeps the lock',
    ['execute', 'failed snapshot'],
    [
      'lambdas/finish/close-run.ts',
      'await ledgerLock(deps.session).release(run.id, token);',
      "if (outcome !== 'refused') await ledgerLock(deps.session).release(run.id, token);",
    ],
  ),
  mutant(
    'the second door ignores a dead run',
    ['recover', 'SettleRun: dies before its work'],
    ['lambdas/doors/settle-run.ts', 'return settled === null ? recover(', 'return settled === null && dead.id === undefined ? recover('],
  ),
  mutant(
    'a deadlock is taken for the end',
    ['execute', 'select stepgate.run_phase && deadlock'],
    ['adapters/aws-errors.ts', "new Set(['55P03', '40P01', '40001'])", "new Set(['55P03', '40001'])"],
  ),
];

export interface Verdict {
  readonly mutant: string;
  /** The case that noticed; null when none did. */
  readonly caughtBy: string | null;
}

const ROOT = join(import.meta.dirname, '..', '..');

/** Plants each defect in a copy of the sources and runs its cases there; two copies beside one another. */
export async function verdicts(only: string, tell: (verdict: Verdict) => void): Promise<readonly Verdict[]> {
  const waiting = MUTANTS.filter(({ name }) => new RegExp(only).test(name));
  const found: Verdict[] = [];
  const work = async () => {
    const copy = await copySources();
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const verdict = { mutant: next.name, caughtBy: await caughtBy(copy, next) };
        tell(verdict);
        found.push(verdict);
      }
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  };
  await Promise.all([work(), work()]);
  return found;
}

async function copySources(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'stepgate-mutants-'));
  const { stdout } = await promisify(execFile)('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    maxBuffer: 10_000_000,
  });
  for (const file of stdout.split('\0').filter((name) => name !== '' && existsSync(join(ROOT, name)))) {
    await mkdir(dirname(join(copy, file)), { recursive: true });
    await copyFile(join(ROOT, file), join(copy, file));
  }
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

async function caughtBy(copy: string, { patches, scenario, only }: Mutant): Promise<string | null> {
  const originals = new Map<string, string>();
  try {
    for (const { file, from, to } of patches) {
      const path = join(copy, file);
      const text = await readFile(path, 'utf8');
      if (!originals.has(path)) originals.set(path, text);
      if (!text.includes(from)) throw new Error(`${file} has no text that the defect replaces: ${from}`);
      await writeFile(
        path,
        text.replace(from, () => to),
      );
    }
    const args = ['test/faults/matrix.ts', '--scenario', scenario, '--only', only, '--processes', '1', '--first'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: copy, maxBuffer: 50_000_000 }).catch((error: unknown) => {
      if (error instanceof Error && 'stdout' in error) return { stdout: String(error.stdout) };
      throw error;
    });
    return /^FAILED (.*)$/m.exec(stdout)?.[1] ?? null;
  } finally {
    for (const [path, text] of originals) await writeFile(path, text);
  }
}
