import { type Client, type Connection, DatabaseError, type FieldDef, type Submittable } from 'pg';
import type { BoundStatement } from './parameters.ts';

export interface StatementResult {
  /** Undefined when the statement returns no rows by its kind. */
  readonly columns: readonly FieldDef[] | undefined;
  /** Values as PostgreSQL writes them. */
  readonly rows: readonly (readonly (string | null)[])[];
  /** Of INSERT, UPDATE, DELETE, MERGE without RETURNING; else 0. */
  readonly updated: number;
  /** More came than was allowed; `rows` is not complete. */
  readonly tooLarge: 'row' | 'result' | undefined;
}

/**
 * Runs one statement by the extended protocol, which refuses several commands in one text.
 *
 * Settles when the server is ready for the next one. Rows beyond the limits are read and dropped.
 *
 * @throws {DatabaseError} when PostgreSQL refuses; any other error means that the connection broke.
 */
export function runStatement(client: Client, statement: BoundStatement, limits: { rowBytes: number; resultBytes: number }): Promise<StatementResult> {
  return new Promise((resolve, reject) => {
    let columns: readonly FieldDef[] | undefined;
    let updated = 0;
    let bytes = 0;
    let tooLarge: StatementResult['tooLarge'];
    const rows: (string | null)[][] = [];
    const query: Submittable & Handlers = {
      submit: (connection) => send(connection, statement),
      handleRowDescription: ({ fields }) => {
        columns = fields;
      },
      handleDataRow: ({ fields }) => {
        const size = fields.reduce((sum, value) => sum + (value === null ? 0 : Buffer.byteLength(value)), 0);
        bytes += size;
        tooLarge ??= size > limits.rowBytes ? 'row' : bytes > limits.resultBytes ? 'result' : undefined;
        if (tooLarge === undefined) rows.push(fields);
      },
      handleCommandComplete: ({ text }) => {
        updated = Number(/^(?:INSERT \d+|UPDATE|DELETE|MERGE) (\d+)$/.exec(text)?.[1] ?? 0);
      },
      handleReadyForQuery: () => resolve({ columns, rows, updated: columns === undefined ? updated : 0, tooLarge }),
      handleError: (error, connection) => {
        if (error instanceof DatabaseError && error.severity === 'ERROR') whenReady(connection, () => reject(error));
        else reject(error);
      },
      handleEmptyQuery: () => undefined,
      handlePortalSuspended: () => undefined,
      handleCopyInResponse: (connection) => {
        connection.sendCopyFail('COPY has no data stream in the Data API');
        // While it waits for data the server has passed over the first one.
        connection.sync();
      },
      handleCopyData: () => undefined,
    };
    client.query(query);
  });
}

/** What pg calls on the query that it runs; not in its published types. */
interface Handlers {
  handleRowDescription(message: { fields: FieldDef[] }): void;
  handleDataRow(message: { fields: (string | null)[] }): void;
  handleCommandComplete(message: { text: string }): void;
  handleReadyForQuery(): void;
  handleError(error: Error, connection: Connection): void;
  handleEmptyQuery(): void;
  handlePortalSuspended(): void;
  handleCopyInResponse(connection: Connection & { sendCopyFail(message: string): void }): void;
  handleCopyData(): void;
}

function send(connection: Connection, { text, values, types }: BoundStatement): void {
  connection.stream.cork();
  connection.parse({ name: '', text, types: types.map(String) }, true);
  connection.bind({ values: [...values], valueMapper: (value: unknown) => value }, true);
  connection.describe({ type: 'P', name: '' }, true);
  connection.execute({}, true);
  connection.sync();
  connection.stream.uncork();
}

/** pg forgets a query at its error, before the server says in which state the transaction is. */
function whenReady(connection: Connection, then: () => void): void {
  const once = () => {
    connection.off('readyForQuery', once).off('end', once);
    then();
  };
  connection.on('readyForQuery', once).on('end', once);
}
