import type { RestoreWork } from './restore-work.ts';

/** Where the AWS CLI asks: without the endpoint it would be the operator's own account. */
export interface Asking {
  readonly isStack: boolean;
}

function rds({ isStack }: Asking, action: string, words: string): string {
  return `aws rds ${action}${isStack ? '' : ' --endpoint-url "$AWS_ENDPOINT_URL_RDS"'} ${words}`;
}

function arnOf({ clusterArn }: RestoreWork, id: string): string {
  return clusterArn.replace(/[^:]+$/, id);
}

/** What a swap does, one command a line, in the order in which it does it; each waits until the one before is through. */
export function swapCommands(work: RestoreWork, asking: Asking): string {
  const cluster = (from: string, to: string) =>
    rds(asking, 'modify-db-cluster', `--db-cluster-identifier ${from} --new-db-cluster-identifier ${to} --apply-immediately`);
  const instance = (from: string, to: string) =>
    rds(asking, 'modify-db-instance', `--db-instance-identifier ${from} --new-db-instance-identifier ${to} --apply-immediately`);
  return [
    rds(asking, 'disable-http-endpoint', `--resource-arn ${arnOf(work, work.restored)}`),
    rds(asking, 'disable-http-endpoint', `--resource-arn ${work.clusterArn}`),
    cluster(work.cluster, work.kept),
    cluster(work.restored, work.cluster),
    ...work.instances.map(({ name, kept }) => instance(name, kept)),
    ...work.instances.map(({ restored, name }) => instance(restored, name)),
    rds(asking, 'enable-http-endpoint', `--resource-arn ${work.clusterArn}`),
  ].join('\n');
}

/** Takes a cluster away for good, with its instances; one that is protected has to be told otherwise first. */
export function deleteCommands(
  { cluster, instances }: { readonly cluster: string; readonly instances: readonly string[] },
  { isProtected, ...asking }: Asking & { readonly isProtected: boolean },
): string {
  return [
    ...(isProtected ? [rds(asking, 'modify-db-cluster', `--db-cluster-identifier ${cluster} --no-deletion-protection --apply-immediately`)] : []),
    ...instances.map((id) => rds(asking, 'delete-db-instance', `--db-instance-identifier ${id} --skip-final-snapshot`)),
    rds(asking, 'delete-db-cluster', `--db-cluster-identifier ${cluster} --skip-final-snapshot`),
  ].join('\n');
}
