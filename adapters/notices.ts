import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import { translateAwsError } from './aws-errors.ts';

/** Tells people. */
export interface Notices {
  publish(notice: { readonly subject: string; readonly text: string }): Promise<void>;
}

/** SNS takes subjects of at most 100 ASCII characters (SNS, Publish). */
const MOST_SUBJECT_CHARACTERS = 100;

export function snsNotices(topicArn: string, client: SNSClient): Notices {
  return {
    publish: async ({ subject, text }) => {
      try {
        const Subject = subject.replace(/[^\x20-\x7e]/g, '?').slice(0, MOST_SUBJECT_CHARACTERS);
        await client.send(new PublishCommand({ TopicArn: topicArn, Subject, Message: text }));
      } catch (error) {
        throw translateAwsError(error, `publishing to ${topicArn}`);
      }
    },
  };
}
