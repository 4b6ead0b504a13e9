import { randomBytes } from 'node:crypto';
import type { Backend, BackendPool } from './backend-pool.ts';
import { Fault } from './fault.ts';
import type { DataApiLimits } from './server.ts';

/** A backend for one call. */
export interface Lease {
  readonly pool: BackendPool;
  readonly backend: Backend;
  /** To be called once the backend has nothing more to do for the call. */
  done(end: { readonly endsTransaction: boolean }): Promise<void>;
}

export interface TransactionAddress {
  readonly resourceArn: string;
  readonly secretArn: string;
  readonly database?: string | undefined;
}

export interface Transactions {
  begin(pool: BackendPool, address: TransactionAddress): Promise<string>;
  /** @throws {Fault} when there is no such transaction of this cluster and secret, or a call of it still runs. */
  lease(transactionId: string, address: TransactionAddress): Lease;
  close(): void;
}

interface Transaction {
  readonly address: TransactionAddress;
  readonly pool: BackendPool;
  readonly backend: Backend;
  readonly lifetime: NodeJS.Timeout;
  idle: NodeJS.Timeout | undefined;
  isBusy: boolean;
}

/** Keeps a backend for each open transaction; ends one that rests or lives too long. */
export function openTransactions(limits: Pick<DataApiLimits, 'idleTransactionMs' | 'transactionMs'>): Transactions {
  const open = new Map<string, Transaction>();

  /** `give` rolls back whatever is open. */
  async function end(id: string): Promise<void> {
    const transaction = open.get(id);
    if (transaction === undefined) return;
    open.delete(id);
    clearTimeout(transaction.idle);
    clearTimeout(transaction.lifetime);
    await transaction.pool.give(transaction.backend);
  }

  function rest(id: string, transaction: Transaction): void {
    transaction.isBusy = false;
    transaction.idle = setTimeout(() => void end(id), limits.idleTransactionMs).unref();
  }

  return {
    async begin(pool, address) {
      const backend = await pool.take();
      await backend.client.query('begin');
      const id = randomBytes(69).toString('base64');
      // A call that still runs is cut off with its connection.
      const lifetime = setTimeout(() => void backend.client.end(), limits.transactionMs).unref();
      const transaction: Transaction = { address, pool, backend, lifetime, idle: undefined, isBusy: false };
      open.set(id, transaction);
      rest(id, transaction);
      return id;
    },
    lease(id, { resourceArn, secretArn, database }) {
      const transaction = open.get(id);
      const isTheirs = transaction?.address.resourceArn === resourceArn && transaction.address.secretArn === secretArn;
      if (!isTheirs || !transaction.pool.isAlive(transaction.backend)) {
        throw new Fault('TransactionNotFoundException', `Transaction ${id} is not found: it has ended, expired, or is another cluster's or secret's`);
      }
      if (database !== undefined && database !== transaction.address.database) {
        throw new Fault('ValidationException', "Database name is not the same as transaction's database");
      }
      const { backend, pool } = transaction;
      if (transaction.isBusy) throw new Fault('DatabaseErrorException', 'Transaction is still running a query');
      transaction.isBusy = true;
      clearTimeout(transaction.idle);
      return {
        pool,
        backend,
        async done({ endsTransaction }) {
          const isOver = endsTransaction || !pool.isAlive(backend) || backend.client.getTransactionStatus() === 'I';
          if (isOver) await end(id);
          else if (open.has(id)) rest(id, transaction);
        },
      };
    },
    close() {
      for (const { idle, lifetime } of open.values()) {
        clearTimeout(idle);
        clearTimeout(lifetime);
      }
      open.clear();
    },
  };
}

/** A backend for one call outside a transaction: another one each time. */
export async function autocommitLease(pool: BackendPool): Promise<Lease> {
  const backend = await pool.take();
  return { pool, backend, done: () => pool.give(backend) };
}
