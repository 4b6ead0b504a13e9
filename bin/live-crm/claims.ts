import type { Claim } from './crm-call.ts';
import type { CrmContact } from './crm-contact.ts';

/** Keeps calls that would write the same thing apart, in the order in which they come; all others run at once. */
export interface Claims {
  run(claims: readonly Claim[], work: () => Promise<void>): Promise<void>;
}

export function openClaims(): Claims {
  const held = new Map<CrmContact, Set<{ readonly part: string | null; readonly done: Promise<void> }>>();
  return {
    async run(claims, work) {
      const earlier = claims.flatMap(({ contact, part }) =>
        [...(held.get(contact) ?? [])].filter((one) => one.part === null || part === null || one.part === part),
      );
      const { promise: done, resolve } = Promise.withResolvers<void>();
      const mine = claims.map(({ contact, part }) => ({ contact, claim: { part, done } }));
      for (const { contact, claim } of mine) held.set(contact, (held.get(contact) ?? new Set()).add(claim));
      try {
        await Promise.all(earlier.map((one) => one.done));
        await work();
      } finally {
        for (const { contact, claim } of mine) {
          held.get(contact)?.delete(claim);
          if (held.get(contact)?.size === 0) held.delete(contact);
        }
        resolve();
      }
    },
  };
}
