import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';

/** Where a run's outcome is told, and where alarms go. */
export function makeTopic(scope: Construct, key: Key): Topic {
  const topic = new Topic(scope, 'Topic', { masterKey: key, enforceSSL: true });
  const cloudWatch = new ServicePrincipal('cloudwatch.amazonaws.com');
  // A topic with a policy of its own no longer admits the account's alarms by itself.
  topic.addToResourcePolicy(
    new PolicyStatement({
      principals: [cloudWatch],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
  );
  // Without it an alarm's message is dropped without a trace (SNS, encrypted topics and CloudWatch alarms).
  key.addToResourcePolicy(new PolicyStatement({ principals: [cloudWatch], actions: ['kms:Decrypt', 'kms:GenerateDataKey*'], resources: ['*'] }));
  return topic;
}
