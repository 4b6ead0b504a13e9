import type { CrmColumn, CrmContact, Side } from './crm-contact.ts';

/** What one user of the application does: one transaction. */
export type CrmCall = CallBase &
  (
    | { readonly kind: 'read'; readonly contact: CrmContact; readonly column: CrmColumn }
    /** Several contacts in one statement, as a list of a user interface does it. */
    | { readonly kind: 'set'; readonly contacts: readonly CrmContact[]; readonly column: CrmColumn; readonly value: string | null }
    | { readonly kind: 'add'; readonly contact: CrmContact; readonly values: ReadonlyMap<CrmColumn, string | null> }
    | { readonly kind: 'remove'; readonly contact: CrmContact; readonly isMarked: boolean }
    | { readonly kind: 'change-key'; readonly contact: CrmContact; readonly key: string }
    | { readonly kind: 'set-custom'; readonly contact: CrmContact; readonly field: string; readonly id: string; readonly text: string }
    | { readonly kind: 'remove-custom'; readonly contact: CrmContact; readonly field: string }
    | { readonly kind: 'add-lead'; readonly contact: CrmContact; readonly id: string; readonly number: number }
  );

interface CallBase {
  readonly side: Side;
  readonly isolation: 'read committed' | 'repeatable read';
}

/** What a call may not share with another one of the same moment: a column, or null for the whole contact. */
export interface Claim {
  readonly contact: CrmContact;
  readonly part: string | null;
}

/** Two calls on other columns of one contact run at once, on either side: that is where whole-row synchronisation loses one of them. */
export function claimsOf(call: CrmCall): readonly Claim[] {
  switch (call.kind) {
    case 'set':
      // The two that decide whether the contact is a lead decide what else there is.
      return call.contacts.map((contact) => ({ contact, part: decidesLead(call.column) ? null : call.column }));
    case 'read':
      return [{ contact: call.contact, part: call.column }];
    case 'set-custom':
    case 'remove-custom':
      return [{ contact: call.contact, part: call.field }];
    case 'add-lead':
      return [{ contact: call.contact, part: call.id }];
    default:
      return [{ contact: call.contact, part: null }];
  }
}

export function decidesLead(column: CrmColumn): boolean {
  return column === 'status' || column === 'appointment';
}
