import * as z from 'zod';
import type { SqlSession } from './sql-session.ts';

const Found = z.object({ installed: z.boolean() });

/** Whether schema `stepgate` is there at all; a run that only looks does not make it. Apart from its installation, whose text is large. */
export async function hasLedger(session: Pick<SqlSession, 'query'>): Promise<boolean> {
  const [found] = await session.query(Found, "select to_regclass('stepgate.version') is not null as installed");
  return found?.installed ?? false;
}
