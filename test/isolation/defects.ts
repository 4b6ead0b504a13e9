import type { CopySql } from '../../core/transfer/batch-sql.ts';
import type { Scene } from './scene.ts';

/** Puts back what was there before a defect was planted. */
export type Remedy = () => Promise<void>;

/** A batch that writes over what is there. */
export function doUpdate(sql: CopySql): CopySql {
  const columns = /insert into \S+ \(([^)]*)\)/.exec(sql.move)?.[1] ?? '';
  const set = columns.split(', ').map((column) => `${column} = excluded.${column}`);
  return { ...sql, move: changed(sql.contested ?? '', /do nothing/, `do update set ${set.join(', ')}`) };
}

/** Only the triggers on UPDATE. */
export async function onUpdateOnly({ bench }: Scene): Promise<Remedy> {
  const others = await bench.sql<{ table: string; name: string }>(
    `select tgrelid::regclass::text as table, quote_ident(tgname) as name from pg_trigger where tgname ~ '^stepgate_' and tgtype & 16 = 0`,
  );
  if (others.length === 0) throw new Error('there are no triggers to take away');
  for (const { table, name } of others) await bench.sql(`alter table ${table} disable trigger ${name}`);
  return async () => {
    for (const { table, name } of others) await bench.sql(`alter table ${table} enable always trigger ${name}`);
  };
}

/** Triggers that see only what no trigger did. */
export async function onDepthZero({ bench }: Scene): Promise<Remedy> {
  const all = await bench.sql<{ table: string; name: string; text: string }>(
    `select tgrelid::regclass::text as table, quote_ident(tgname) as name, pg_get_triggerdef(oid) as text from pg_trigger where tgname ~ '^stepgate_' and tgtype & 32 = 0`,
  );
  const put = async (edit: (text: string) => string): Promise<void> => {
    for (const { table, name, text } of all) {
      await bench.sql(`drop trigger ${name} on ${table}; ${edit(text)}; alter table ${table} enable always trigger ${name}`);
    }
  };
  await put((text) =>
    text.includes(' WHEN (')
      ? changed(text, /WHEN \((.*)\) EXECUTE/, 'WHEN (($1) and pg_trigger_depth() = 0) EXECUTE')
      : changed(text, / EXECUTE FUNCTION/, ' WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION'),
  );
  return () => put((text) => text);
}

/** Every column is carried, changed or not. */
export function wholeRows(scene: Scene): Promise<Remedy> {
  return withFunctions(scene, /^sync_.*_update$/, (text) =>
    text.replace(/case when .* then ((?:\(p\.n\)|"?p"?)\."[^"]+") else [ts]\."[^"]+" end/g, '$1'),
  );
}

/** No defect: the old side's trigger waits longer than the new side's, so that it is known which of two gives way. */
export function patientSource(scene: Scene): Promise<Remedy> {
  return withFunctions(scene, /^sync_.*_source_people_update$/, (text) => changed(text, /lock_timeout TO '200ms'/, "lock_timeout TO '5s'"));
}

/** The cursor is read and not held; nor does its insertion wait for whoever moves it. */
export function looseCursor(scene: Scene): Promise<Remedy> {
  const isMissing = 'if not exists (select from stepgate.transfer t where t.transfer = p_transfer and t.range_number = p_range) then';
  return withFunctions(scene, /^run_batch$/, (text) =>
    changed(
      changed(text, /(and t\.range_number = p_range)\s+for update;/, '$1;'),
      /(insert into stepgate\.transfer [^;]*;)/,
      `${isMissing} $1 end if;`,
    ),
  );
}

async function withFunctions({ bench }: Scene, name: RegExp, edit: (text: string) => string): Promise<Remedy> {
  const functions = (
    await bench.sql<{ name: string; text: string }>(
      `select proname as name, pg_get_functiondef(oid) as text from pg_proc where pronamespace = 'stepgate'::regnamespace and prokind = 'f'`,
    )
  ).filter((one) => name.test(one.name));
  const edited = functions.map(({ text }) => edit(text));
  if (edited.every((text, index) => text === functions[index]?.text)) throw new Error(`no function ${name} has what the defect changes`);
  for (const text of edited) await bench.sql(text);
  return async () => {
    for (const { text } of functions) await bench.sql(text);
  };
}

function changed(text: string, from: RegExp, to: string): string {
  const made = text.replace(from, to);
  if (made === text) throw new Error(`${from} is not in: ${text}`);
  return made;
}
