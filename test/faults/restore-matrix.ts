import { parseArgs } from 'node:util';
import type { Fault } from '../../local/faults/fault-desk.ts';
import { actsOf, openRestoreSite } from './restore-site.ts';

/**
 * Every call that changes something in a restore without faults × every way of failing, each checked from outside.
 *
 * `npm run test:faults:restore [-- --shard I/N]`; a line for each case that fails; exit 1 when one did.
 */
const { values } = parseArgs({ options: { shard: { type: 'string' } } });
const [shard = 1, shards = 1] = (values.shard ?? '1/1').split('/').map(Number);

const WAYS: readonly (Pick<Fault, 'moment' | 'effect' | 'times'> & { readonly name: string })[] = [
  { name: 'its function is killed before', moment: 'before', effect: { kind: 'killed' } },
  { name: 'its function is killed after', moment: 'after', effect: { kind: 'killed' } },
  { name: 'the answer is lost', moment: 'after', effect: { kind: 'lost' } },
  { name: 'throttled', moment: 'before', effect: { kind: 'error', status: 400, code: 'Throttling', message: 'Rate exceeded' } },
  {
    name: 'in the wrong state',
    moment: 'before',
    effect: { kind: 'error', status: 400, code: 'InvalidDBClusterStateFault', message: 'not available' },
  },
  { name: 'refused for good', moment: 'before', effect: { kind: 'error', status: 403, code: 'AccessDenied', message: 'not authorized' } },
  { name: 'beyond a quota', moment: 'before', effect: { kind: 'error', status: 403, code: 'DBClusterQuotaExceededFault', message: 'no more' } },
];

const site = await openRestoreSite();
let [passed, failed, number] = [0, 0, 0];
try {
  const reference = await site.restore([]);
  if (reference.outcome !== 'restored' || reference.wrong.length > 0)
    throw new Error(`without faults: ${reference.said} ${reference.wrong.join('; ')}`);
  const seen = new Map<string, number>();
  for (const act of actsOf(reference.calls)) {
    const nth = (seen.get(act.action) ?? 0) + 1;
    seen.set(act.action, nth);
    for (const { name, ...way } of WAYS) {
      number += 1;
      if (number % shards !== shard % shards) continue;
      const end = await site.restore([{ call: act, nth, ...way }]);
      const next = await site.execute();
      const wrong = [
        ...(end.met === 0 ? ['the fault was not met'] : []),
        ...end.wrong,
        ...(next === 'migrated' ? [] : [`the next execute ended ${next}`]),
      ];
      if (wrong.length === 0) passed += 1;
      else failed += 1;
      process.stdout.write(
        `${wrong.length === 0 ? 'ok    ' : 'FAILED'} ${act.action} ${nth}: ${name}: ${end.outcome}${wrong.length === 0 ? '' : `\n  ${wrong.join('\n  ')}\n  ${end.said}`}\n`,
      );
    }
  }
} finally {
  await site.close();
}
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
