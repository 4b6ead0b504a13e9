/** A session that holds a lock on a table. */
export interface LockHolder {
  readonly table: string;
  /** Null for a prepared transaction, which has no session. */
  readonly pid: number | null;
  readonly role: string | null;
  /** Null where this role may not see it. */
  readonly state: string | null;
  /** Since its transaction began; null where this role may not see it. */
  readonly seconds: number | null;
}

/** `public.contacts is held by backend 123 (role app, idle in transaction for 75 s)` */
export function heldInWords(holders: readonly LockHolder[]): string {
  return holders.map((holder) => `${holder.table} is held by ${sessionInWords(holder)}`).join(', ');
}

function sessionInWords({ pid, role, state, seconds }: LockHolder): string {
  if (pid === null) return 'a prepared transaction';
  const doing = state === null ? 'what it does is hidden from this role' : `${state}${seconds === null ? '' : ` for ${seconds} s`}`;
  return `backend ${pid} (role ${role ?? '?'}, ${doing})`;
}
