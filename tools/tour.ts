// SPDX-License-Identifier: Apache-2.0

import { eventually } from '@altershield/testing/eventually';
import { STORY } from '@altershield/testing/story';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubectlResult } from '../test/cluster/access.ts';
import type { Cluster } from '../test/cluster/cluster.ts';
import { ownCluster } from '../test/e2e/support/cluster.ts';
import { altershield, prepareCluster, startOperator } from '../test/e2e/support/operator.ts';

/** Plays good and bad changes on a real control plane and writes what users see of them. */

const TOUR = new URL('../docs/tour.md', import.meta.url);
const WIDTH = 600;

const POLICY = `apiVersion: altershield.io/v1alpha1
kind: ChangePolicy
metadata:
  name: web
  namespace: shop
spec:
  target: { selector: { matchLabels: { tier: web } } }
  release: { batches: [1, 30%, 100%], soakSeconds: 3 }
  onFail: RollBack
  onInconclusive: Suspend
`;

const checkout = (tag: string): string => `apiVersion: apps/v1
kind: Deployment
metadata: { name: checkout, namespace: shop, labels: { tier: web } }
spec:
  replicas: 10
  selector: { matchLabels: { app: checkout } }
  template:
    metadata: { labels: { app: checkout } }
    spec: { containers: [{ name: app, image: "shop/checkout:${tag}" }] }
`;

const sessions = (tag: string): string => `apiVersion: apps/v1
kind: StatefulSet
metadata: { name: sessions, namespace: shop, labels: { tier: web } }
spec:
  replicas: 5
  serviceName: sessions
  selector: { matchLabels: { app: sessions } }
  template:
    metadata: { labels: { app: sessions } }
    spec: { containers: [{ name: app, image: "shop/sessions:${tag}" }] }
`;

const lines: string[] = [];

const tell = (text: string): void => {
  console.log(text);
  lines.push(text, '');
};

/** A command and its output, as in a terminal. */
function show(command: string, { stdout, stderr }: KubectlResult): void {
  const output = `${stdout}${stderr}`.trimEnd();
  const cut = output.split('\n').map((line) => line.slice(0, WIDTH).trimEnd());
  tell(['```console', `$ ${command}`, ...cut, '```'].join('\n'));
}

async function until(cluster: Cluster, wanted: RegExp): Promise<void> {
  const look = async (): Promise<boolean> =>
    wanted.test((await cluster.kubectl(['get', 'changeworkloads', '-n', 'shop'])).stdout);
  await eventually(look, {
    timeoutMs: 60_000,
    everyMs: 250,
    what: `a change like ${String(wanted)}`,
  });
}

const GITOPS = [
  ...['apply', '--server-side', '--force-conflicts'],
  ...['--field-manager', 'kustomize-controller', '-f', '-'],
];

async function play(cluster: Cluster): Promise<void> {
  await cluster.createNamespace('shop');
  const apply = (tag: string) => cluster.kubectl(GITOPS, { user: 'gitops', input: checkout(tag) });
  const changes = async (): Promise<void> => {
    show('kubectl get changes -n shop', await cluster.kubectl(['get', 'changes', '-n', 'shop']));
  };
  await cluster.kubectl(['apply', '-f', '-'], { input: checkout(STORY.start) });
  await cluster.kubectl(['apply', '-f', '-'], { input: sessions('2.0') });
  for (const name of ['deploy/checkout', 'sts/sessions'])
    await cluster.kubectl(['rollout', 'status', name, '-n', 'shop', '--timeout=60s']);

  tell('## A policy');
  tell(`\`\`\`yaml\n${POLICY}\`\`\``);
  show(
    'kubectl apply -f policy.yaml',
    await cluster.kubectl(['apply', '-f', '-'], { input: POLICY }),
  );
  await sleep(2000);

  tell('## A good change');
  tell(
    'Alice, a developer, sets a new image. The change is held in the same write and released in three batches.',
  );
  const image = `app=shop/checkout:${STORY.goodChange.tag}`;
  const set = ['set', 'image', 'deploy/checkout', image, '-n', 'shop'];
  show(`kubectl ${set.join(' ')}`, await cluster.kubectl(set, { user: 'developer' }));
  await until(cluster, /Running .* 2 +3 /);
  await changes();
  await until(cluster, /Success/);
  await changes();

  await playBad(cluster, apply, changes);
  await playStatefulSet(cluster);
}

type Apply = (tag: string) => Promise<KubectlResult>;

async function playBad(
  cluster: Cluster,
  apply: Apply,
  changes: () => Promise<void>,
): Promise<void> {
  tell('## A bad change');
  tell(
    'A GitOps tool applies an image that is not in the registry. One pod of it is created, and AlterShield rolls back within two seconds.',
  );
  show(
    'kubectl apply --server-side -f checkout.yaml    # as the GitOps tool',
    await apply(STORY.badChange.tag),
  );
  await until(cluster, /RolledBack/);
  await changes();
  const describe = await cluster.kubectl(['describe', 'deploy', 'checkout', '-n', 'shop']);
  const events = describe.stdout.slice(describe.stdout.indexOf('Events:'));
  show("kubectl describe deploy checkout -n shop | sed -n '/^Events/,$p'", {
    ...describe,
    stdout: events,
  });

  tell('## It is applied again, and denied');
  show(
    'kubectl apply --server-side -f checkout.yaml    # the GitOps tool again',
    await apply(STORY.badChange.tag),
  );
  await sleep(6000);
  tell('## Why?');
  show(
    'altershield why deploy/checkout -n shop',
    await altershield(cluster, ['why', 'deploy/checkout', '-n', 'shop']),
  );

  tell('## The next good commit');
  show(
    'kubectl apply --server-side -f checkout.yaml    # as the GitOps tool',
    await apply(STORY.nextChange.tag),
  );
  await until(cluster, /checkout-3 .*Success/);
  show('altershield get -n shop', await altershield(cluster, ['get', '-n', 'shop']));
}

async function playStatefulSet(cluster: Cluster): Promise<void> {
  const say = async (command: string): Promise<void> => {
    const [program = '', ...args] = command.split(' ');
    const isOurs = program === 'altershield';
    show(command, await (isOurs ? altershield(cluster, args) : cluster.kubectl(args)));
  };
  const strategy = 'kubectl get sts sessions -n shop -o jsonpath={.spec.updateStrategy}';
  tell('## The same for a StatefulSet');
  tell(
    'The policy names no kind, so it matches the StatefulSet `sessions` as well: five pods. While the change is in progress, AlterShield keeps the update strategy in an annotation and holds the pods by the partition.',
  );
  const set = ['set', 'image', 'sts/sessions', 'app=shop/sessions:2.1', '-n', 'shop'];
  show(`kubectl ${set.join(' ')}`, await cluster.kubectl(set, { user: 'developer' }));
  await say(strategy);
  await until(cluster, /sessions-1 .*Running .* 2 +3 /);
  await say('altershield status sts/sessions -n shop');
  await until(cluster, /sessions-1 .*Success/);
  await say('altershield status sts/sessions -n shop');

  tell('The GitOps tool applies an image that is not in the registry.');
  const bad = await cluster.kubectl(GITOPS, { user: 'gitops', input: sessions('bad-2.2') });
  show('kubectl apply --server-side -f sessions.yaml    # as the GitOps tool', bad);
  await until(cluster, /sessions-2 .*RolledBack/);
  await say('altershield get -n shop');
  await say('altershield why sts/sessions -n shop');
  tell('The strategy is as it was, and all pods are of the verified revision.');
  await say(strategy);
  await sleep(3000);
  await say('kubectl get pods -n shop -l app=sessions -L controller-revision-hash');
}

async function main(): Promise<void> {
  const cluster = await ownCluster();
  try {
    await prepareCluster(cluster);
    const operator = await startOperator(cluster);
    tell('# A tour');
    tell(
      'What users see, from a real run: Kubernetes 1.36, the permissions that `altershield install` grants, simulated kubelets. Made by `npm run tour`.',
    );
    await play(cluster);
    await operator.stop();
  } finally {
    await cluster.stop();
  }
  await writeFile(TOUR, `${lines.join('\n').trimEnd()}\n`);
}

await main();
