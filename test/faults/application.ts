import { Client, DatabaseError } from 'pg';

/** `written` was acknowledged; `unknown` is a write whose answer was lost; `refused` one that was not done. */
export type Written = 'written' | 'refused' | 'unknown';

/** An application that writes people where its data is: on the new side as soon as that is in use, and while it is. */
export interface Application {
  write(kind: 'update' | 'delete', row: { readonly id: number; readonly name: string }): Promise<Written>;
  close(): Promise<void>;
}

export function openApplication(url: () => string): Application {
  let client: Client | null = null;
  const connected = async (): Promise<Client> => {
    if (client !== null) return client;
    const made = new Client({ connectionString: url() });
    made.on('error', () => {
      if (client === made) client = null;
    });
    await made.connect();
    client = made;
    return made;
  };
  return {
    async write(kind, { id, name }) {
      let isSent = false;
      try {
        const at = await connected();
        const { rows } = await at.query<{ new: boolean }>(
          "select coalesce(obj_description(to_regclass('customers'), 'pg_class') = 'in use', false) as new",
        );
        isSent = true;
        const { rowCount } = await at.query(WRITES[rows[0]?.new === true ? 'new' : 'old'][kind], kind === 'delete' ? [id] : [id, name]);
        return (rowCount ?? 0) > 0 ? 'written' : 'refused';
      } catch (error) {
        const isSaid = error instanceof DatabaseError && error.severity === 'ERROR';
        if (!isSaid) {
          client?.end().catch(() => undefined);
          client = null;
        }
        return isSaid || !isSent ? 'refused' : 'unknown';
      }
    },
    async close() {
      await client?.end().catch(() => undefined);
    },
  };
}

const WRITES = {
  old: { update: 'update people set name = $2 where id = $1', delete: 'delete from people where id = $1' },
  new: {
    update: 'update customers set full_name = $2 where id = $1 and deleted_at is null',
    delete: 'delete from customers where id = $1 and deleted_at is null',
  },
} as const;
