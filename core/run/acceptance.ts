import { createHash } from 'node:crypto';

/** What an operator types to accept differences as they are. */
export const ACCEPTANCE = /^[0-9a-f]{12}$/;

/** The digest of what differs, by name and not by content: rows that go on changing in the same tables are the same difference. */
export function acceptanceOf(differences: readonly { readonly what: string }[]): string | null {
  if (differences.length === 0) return null;
  const names = differences.map(({ what }) => what).sort();
  return createHash('sha256').update(JSON.stringify(names)).digest('hex').slice(0, 12);
}
