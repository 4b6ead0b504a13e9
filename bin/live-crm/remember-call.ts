import type { CrmCall } from './crm-call.ts';
import { type CrmContact, remember } from './crm-contact.ts';

/** Notes what a committed call left, for the calls after it and for the comparison at the end. Gives the number of writes. */
export function rememberCall(call: CrmCall): number {
  const { side: by } = call;
  switch (call.kind) {
    case 'read':
      return 0;
    case 'set':
      for (const contact of call.contacts) remember(contact, call.column, { value: call.value, by });
      return call.contacts.length;
    case 'add':
      for (const [column, value] of call.values) remember(call.contact, column, { value, by });
      return 1;
    case 'remove':
      call.contact.isGone = true;
      return 1;
    case 'change-key':
      call.contact.key = call.key;
      return 1;
    case 'set-custom':
      call.contact.customValues.set(call.field, { id: call.contact.customValues.get(call.field)?.id ?? call.id, text: call.text, by });
      return 1;
    case 'remove-custom':
      call.contact.customValues.delete(call.field);
      return 1;
    case 'add-lead':
      call.contact.ownLeads.add(call.id);
      return 1;
  }
}

/** Takes what a call was about out of the comparison: its commit got no answer, so either may be right. */
export function forgetCall(call: CrmCall): void {
  const contacts: readonly CrmContact[] = call.kind === 'set' ? call.contacts : [call.contact];
  for (const contact of contacts) contact.isUncertain = true;
}
