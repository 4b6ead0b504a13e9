import * as z from 'zod';
import { snsClient } from '../../adapters/aws-clients.ts';
import { type Notices, snsNotices } from '../../adapters/notices.ts';
import { StartEnvelope } from '../../core/run/envelope.ts';
import { Outcome } from '../../core/run/outcome.ts';
import { stateHandler, type Work } from '../middleware/state-handler.ts';

export const NotifyInput = StartEnvelope.extend({ outcome: Outcome, sentence: z.string() });

/** Tells the topic how the run ended and where its report lies. */
export function notify(deps: { readonly notices: Notices; readonly reportBucket: string }): Work<z.infer<typeof NotifyInput>, { published: true }> {
  return async ({ run, outcome, sentence }) => {
    await deps.notices.publish({
      subject: `Stepgate: ${run.plan ?? 'a plan'} ${outcome}`,
      text: [sentence, '', `run: ${run.id}`, `execution: ${run.executionArn}`, `report: s3://${deps.reportBucket}/runs/${run.id}/report.md`].join(
        '\n',
      ),
    });
    return { published: true };
  };
}

export const handler = stateHandler(NotifyInput, (environment) =>
  notify({ notices: snsNotices(environment.STEPGATE_TOPIC_ARN, snsClient()), reportBucket: environment.STEPGATE_REPORT_BUCKET }),
);
