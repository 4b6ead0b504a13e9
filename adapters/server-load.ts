import * as z from 'zod';
import { ServerLoad } from '../core/run/server-load.ts';
import type { Query } from './sql-session.ts';

const Row = z.object({ load: z.string() });

/** How busy the server is with others' work; throws what `query` throws. */
export async function serverLoad(query: Query): Promise<ServerLoad> {
  const [row] = await query(Row, 'select stepgate.server_load() as load');
  return ServerLoad.parse(JSON.parse(row?.load ?? 'null'));
}
