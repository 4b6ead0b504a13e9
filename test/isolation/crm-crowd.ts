import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import type { Workbench } from '../support/workbench.ts';
import { randomOf } from './cases.ts';
import {
  type CrmStatement,
  makePerson,
  moveHouse,
  moveKey,
  OWNED_COLUMNS,
  type OwnedColumn,
  removePerson,
  rezone,
  type Side,
  seeMany,
  setColumn,
  setNames,
} from './crm-calls.ts';

/** Which versions of the application are at work: each client's calls go to one side, or by turns to both. */
export type Versions = 'old' | 'both' | 'new';

export interface CrmCrowd {
  readonly figures: Figures;
  /** Rows that were changed by committed transactions. */
  changed(): number;
  use(versions: Versions): void;
  /** Lets the clients go on until they have changed so many more rows. */
  changes(rows: number): Promise<void>;
  /** Returns when no transaction is open; the clients wait. */
  pause(): Promise<void>;
  resume(): void;
  stop(): Promise<void>;
  /** Ends the backend of a client in the middle of whatever it does; an answer that is lost is no failure, and what it meant is not known. */
  endOne(): Promise<void>;
  /** What is not as the clients committed it, by the rows of the old side and what an undo has archived. */
  lost(): Promise<readonly string[]>;
}

export interface Figures {
  transactions: number;
  changedRows: number;
  /** Failed transactions, by isolation level, SQLSTATE and side. */
  readonly failed: Map<string, number>;
  /** Calls of a version whose side was gone, which then turned to the other. */
  turned: number;
  /** Writes that found no row, though it was committed and not removed. */
  readonly missed: Map<Side, number>;
}

const CLIENTS = 8;

/** Between two calls of a client, at most: some 500 calls a second of all clients, which leaves two cores something for the run. */
const PAUSE_MS = 16;

/** A database, and connections to it as one that may become `application`. */
type Place = Pick<Workbench, 'sql' | 'connect'>;

interface Crowd {
  readonly bench: Place;
  readonly rows: number;
  readonly seed: number;
  readonly figures: Figures;
  /** `ref column` and the value that its only writer last committed; null where an answer was lost. */
  readonly written: Map<string, string | null>;
  readonly rowsOf: Map<string, 'made' | 'removed' | 'unknown'>;
  versions: Versions;
  isOver: boolean;
  isPaused: boolean;
  nextKey: number;
  working: number;
  readonly pids: Map<number, number>;
}

/** Eight clients at two isolation levels, which remember what they committed; `rows` are there already, as r0, r1, … */
export function startCrowd(bench: Place, { rows, seed }: { readonly rows: number; readonly seed: number }): CrmCrowd {
  const figures: Figures = { transactions: 0, changedRows: 0, failed: new Map(), turned: 0, missed: new Map() };
  const state = { versions: 'old' as Versions, isOver: false, isPaused: false, nextKey: 3_000_000_000, working: 0 };
  const crowd: Crowd = { bench, rows, seed, figures, written: new Map(), rowsOf: new Map(), pids: new Map(), ...state };
  const random = randomOf(seed + 77);
  const clients = Promise.all(Array.from({ length: CLIENTS }, (_, index) => work(crowd, index)));
  const reached = async (holds: () => boolean): Promise<void> => {
    await Promise.race([clients, turns(holds)]);
  };
  return {
    figures,
    changed: () => figures.changedRows,
    use: (versions) => {
      crowd.versions = versions;
    },
    changes: (more) => {
      const upto = figures.changedRows + more;
      return reached(() => figures.changedRows >= upto);
    },
    pause: () => {
      crowd.isPaused = true;
      return reached(() => crowd.working === 0);
    },
    resume: () => {
      crowd.isPaused = false;
    },
    stop: async () => {
      crowd.isOver = true;
      await clients;
    },
    endOne: async () => {
      const pids = [...crowd.pids.values()];
      const pid = pids[Math.floor(random() * pids.length)];
      if (pid !== undefined) await bench.sql(`select pg_terminate_backend(${pid})`);
    },
    lost: () => lostWrites(crowd),
  };
}

async function turns(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(2);
}

/** What a client is: its rows and columns, its isolation level and its random numbers. */
interface Caller {
  readonly index: number;
  readonly level: string;
  readonly random: () => number;
  /** Rows that it made itself, whose columns all are its own. */
  readonly made: string[];
  number: number;
}

async function work(crowd: Crowd, index: number): Promise<void> {
  const level = index % 2 === 0 ? 'read committed' : 'repeatable read';
  const caller: Caller = { index, level, random: randomOf(crowd.seed * 100 + index), made: [], number: 0 };
  let client: Client | null = null;
  while (!crowd.isOver) {
    if (crowd.isPaused) {
      await delay(2);
      continue;
    }
    crowd.working += 1;
    client ??= await connected(crowd, index).catch(() => null);
    if (client !== null && !(await call(crowd, caller, client))) {
      crowd.pids.delete(index);
      await client.end().catch(() => undefined);
      client = null;
    }
    crowd.working -= 1;
    await delay(caller.random() * PAUSE_MS);
  }
  await client?.end();
}

async function connected({ bench, pids }: Crowd, index: number): Promise<Client> {
  const client = await bench.connect();
  client.on('error', () => undefined);
  await client.query('set role application');
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  pids.set(index, rows[0]?.pid ?? 0);
  return client;
}

/** One transaction; false when its answer was lost. */
async function call(crowd: Crowd, caller: Caller, client: Client): Promise<boolean> {
  const { figures } = crowd;
  const side: Side = crowd.versions === 'both' ? (caller.random() < 0.5 ? 'old' : 'new') : crowd.versions;
  const statements = statementsOf(crowd, caller, side);
  const answers: { readonly statement: CrmStatement; readonly refs: readonly string[] }[] = [];
  try {
    await client.query(`begin isolation level ${caller.level}`);
    for (const statement of statements) {
      if (statement.locks !== undefined) await client.query(statement.locks, [statement.values[0]]);
      const { rows } = await client.query<{ ref: string }>(statement.sql, [...statement.values]);
      answers.push({ statement, refs: rows.map(({ ref }) => ref) });
    }
    await client.query('commit');
  } catch (error) {
    const code = sqlState(error);
    if (code === '57P01' || code === 'lost') {
      for (const statement of statements) forget(crowd, statement);
      return false;
    }
    await client.query('rollback').catch(() => undefined);
    told(crowd, { side, code, level: caller.level, error, statements });
    return true;
  }
  figures.transactions += 1;
  for (const { statement, refs } of answers) remember(crowd, caller, { statement, refs, side });
  return true;
}

/** The new side's tables, or the rights on them, go with a rollback. */
const GONE: readonly string[] = ['42P01', '42501', '42703'];

function told(
  crowd: Crowd,
  { side, code, level, error, statements }: { side: Side; code: string; level: string; error: unknown; statements: readonly CrmStatement[] },
): void {
  if (side === 'new' && GONE.includes(code)) {
    crowd.figures.turned += 1;
    crowd.versions = 'old';
    return;
  }
  const name = `${level} ${code}${code === '40001' ? '' : ` ${side} ${statements.map(({ sql }) => sql).join('; ')}: ${String(error)}`}`;
  crowd.figures.failed.set(name, (crowd.figures.failed.get(name) ?? 0) + 1);
}

function sqlState(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^[0-9A-Z]{5}$/.test(code) ? code : 'lost';
}

function statementsOf(crowd: Crowd, caller: Caller, side: Side): readonly CrmStatement[] {
  const { random, index } = caller;
  const pick = (upto: number): number => Math.floor(random() * upto);
  const value = `v${index}-${caller.number++}`;
  const some = (number: number, remainder: number): readonly string[] => {
    const found = Array.from({ length: number }, () => pick(crowd.rows / CLIENTS) * CLIENTS + remainder);
    return [...new Set(found)].filter((row) => row < crowd.rows).map((row) => `r${row}`);
  };
  const kind = random();
  if (kind < 0.55) {
    const which = pick(OWNED_COLUMNS.length);
    const column = OWNED_COLUMNS[which] ?? 'name';
    return some(1 + pick(3), (index + which) % CLIENTS)
      .toSorted()
      .map((ref) => setColumn(side, column, ref, value));
  }
  if (kind < 0.62) return [setNames(side, some(12, index), value)];
  if (kind < 0.68) return [seeMany(side, some(12, pick(CLIENTS)))];
  if (kind < 0.76) return [makePerson(side, `i${index}-${caller.number}`)];
  if (kind < 0.82) return ownRow(caller, side, value);
  if (kind < 0.87) return removal(crowd, caller, side);
  if (kind < 0.95 || side === 'new') return some(1, (index + 5) % CLIENTS).map((ref) => moveKey(side, ref, crowd.nextKey++));
  return kind < 0.985 ? some(1, pick(CLIENTS)).map((ref) => moveHouse(ref, pick(40))) : [rezone(pick(40), value)];
}

function ownRow({ made, random }: Caller, side: Side, value: string): readonly CrmStatement[] {
  const ref = made[Math.floor(random() * made.length)];
  if (ref === undefined) return [];
  const column = OWNED_COLUMNS[Math.floor(random() * OWNED_COLUMNS.length)] ?? 'name';
  return [setColumn(side, column, ref, value), setColumn(side, 'name', ref, value)];
}

/** One that it made, or one of the first rows, of which every tenth may go. */
function removal({ rows }: Crowd, { made, random, index }: Caller, side: Side): readonly CrmStatement[] {
  const isOwn = random() < 0.5;
  const row = Math.floor((random() * rows) / 80) * 80 + index * 10;
  const ref = isOwn ? made.splice(Math.floor(random() * made.length), 1)[0] : `r${row}`;
  return ref === undefined ? [] : [removePerson(side, ref, random() < 0.5)];
}

function remember(
  crowd: Crowd,
  caller: Caller,
  { statement: { means, values }, refs, side }: { readonly statement: CrmStatement; readonly refs: readonly string[]; readonly side: Side },
): void {
  const { figures, rowsOf, written } = crowd;
  figures.changedRows += refs.length;
  if (refs.length === 0 && means.kind === 'sets') figures.missed.set(side, (figures.missed.get(side) ?? 0) + 1);
  for (const ref of refs) {
    if (means.kind === 'sets') written.set(`${ref} ${means.column}`, means.value);
    if (means.kind === 'removes') rowsOf.set(ref, 'removed');
    if (means.kind === 'makes') {
      rowsOf.set(ref, 'made');
      caller.made.push(ref);
    }
  }
  if (means.kind === 'removes' && refs.length === 0) rowsOf.set(String(values[0]), rowsOf.get(String(values[0])) ?? 'unknown');
}

/** Whether a commit got through is not known. */
function forget({ rowsOf, written }: Crowd, { means, values }: CrmStatement): void {
  const refs = [values[0]].flat().map(String);
  for (const ref of refs) {
    if (means.kind === 'sets') written.set(`${ref} ${means.column}`, null);
    if (means.kind === 'makes' || means.kind === 'removes') rowsOf.set(ref, 'unknown');
  }
}

const SHOWN = `select p.ref, p.name, p.email, p.tag, (select said from calls c where c.ref = p.ref) as said, (select value from marks m where m.person_id = p.id) as mark from people p`;
const ARCHIVED = `select table_name, image ->> 'ref' as ref, image::text from stepgate_archive.row`;

async function lostWrites({ bench, rows, written, rowsOf }: Crowd): Promise<readonly string[]> {
  const found = await bench.sql<Record<OwnedColumn | 'ref', string | null>>(SHOWN);
  const byRef = new Map(found.map((row) => [row.ref, row]));
  const archive = await bench.sql<{ image: string }>(ARCHIVED).catch(() => []);
  const archived = archive.map(({ image }) => image).join('\n');
  const lost: string[] = found.length === byRef.size ? [] : [`${found.length - byRef.size} rows twice`];
  for (const [ref, state] of rowsOf) {
    if (state === 'removed' && byRef.has(ref)) lost.push(`${ref} was removed and is there`);
    if (state === 'made' && !byRef.has(ref) && !archived.includes(`"${ref}"`)) lost.push(`${ref} was made and is not there`);
  }
  for (let row = 0; row < rows; row += 1) {
    if (!rowsOf.has(`r${row}`) && !byRef.has(`r${row}`)) lost.push(`r${row} is not there, and nobody removed it`);
  }
  for (const [place, value] of written) {
    const [ref = '', column = ''] = place.split(' ');
    const row = byRef.get(ref);
    const now = row?.[column as OwnedColumn];
    if (value === null || row === undefined || now === value || archived.includes(`"${value}"`)) continue;
    lost.push(`${place} is ${now} and not ${value}`);
  }
  return lost;
}
