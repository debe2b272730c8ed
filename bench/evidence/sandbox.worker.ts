// SPDX-License-Identifier: Apache-2.0
import { KINDS, toCrd, type ChangeWorkload } from '@altershield/api';
import { RESOURCES, realScheduler } from '@altershield/kube';
import { createSandbox, type PodScenario, type Sandbox, type UserInfo } from '@altershield/sandbox';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@altershield/testing/eventually';
import { answerParent } from '../support/answer.ts';
import { serveHttps } from './https-front.ts';
import { httpsAdmission } from './https-webhook.ts';

const OPERATOR_NAMESPACE = 'altershield-system';
const NAMESPACE = 'shop';
const OPERATOR: UserInfo = { username: `system:serviceaccount:${OPERATOR_NAMESPACE}:altershield` };
const ALICE: UserInfo = { username: 'alice', uid: 'uid-1', groups: ['developers'] };
const TOKEN = 'operator';
const GOOD = 'shop/app:v1';
const BAD = 'shop/app:v2';
const REPLICAS = 2;

/** When the evidence of one change was stored, and when what follows arrived; milliseconds; 0: not yet. */
export interface Passage {
  readonly evidence: number;
  recorded: number;
  rolledBack: number;
}

/** Soon ready, except the bad image, which stays at its first failure until it is told otherwise. */
const fate: PodScenario = function* ({ image }) {
  const startedAt = new Date().toISOString();
  yield image === BAD
    ? {
        delayMs: 100,
        moment: () => ({
          state: { waiting: { reason: 'ErrImagePull' } },
          isReady: false,
          restartCount: 0,
          phase: 'Pending',
        }),
      }
    : {
        delayMs: 100,
        moment: () => ({
          state: { running: { startedAt } },
          isReady: true,
          restartCount: 0,
          phase: 'Running',
        }),
      };
};

const sandbox: Sandbox = createSandbox({
  scheduler: realScheduler,
  namespaces: [OPERATOR_NAMESPACE, NAMESPACE],
  users: { [TOKEN]: OPERATOR },
  scenario: () => fate,
  admission: { transport: httpsAdmission(), evaluateMatchCondition: isForUs },
});
const passages = new Map<string, Passage>();

/** Of the conditions of our webhooks, the one that keeps our own writes out; the others only spare calls. */
function isForUs(
  expression: string,
  { request }: { readonly request: Readonly<Record<string, unknown>> },
): boolean {
  const notUser = /^request\.userInfo\.username != '(.*)'$/.exec(expression);
  const { username } = { username: '', ...Object(request['userInfo']) } as {
    readonly username: string;
  };
  return notUser === null || username !== notUser[1];
}

/** What the operator asks once at its start, which the sandbox does not serve. */
const WHO = {
  status: 201,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ kind: 'SelfSubjectReview', status: { userInfo: OPERATOR } }),
};

/** Notes when the writes that follow an evidence reach the server. */
function listenIn(): void {
  const handle = sandbox.server.handle.bind(sandbox.server);
  sandbox.server.handle = (request) => {
    const { method, path, body = '' } = request;
    if (method === 'PATCH') arrived(path, body);
    return path.endsWith('/selfsubjectreviews') ? Promise.resolve(WHO) : handle(request);
  };
}

function arrived(path: string, body: string): void {
  const [, name = ''] =
    /\/(?:deployments\/|changeworkloads\/deployment-)(app-\d+)/.exec(path) ?? [];
  const passage = passages.get(name);
  if (passage === undefined) return;
  const now = performance.now();
  if (path.includes('/changeworkloads/')) {
    if (body.includes('RollingBack')) passage.recorded ||= now;
  } else if (body.includes(GOOD)) passage.rolledBack ||= now;
}

const deployment = (name: string, image: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: NAMESPACE },
  spec: {
    replicas: REPLICAS,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'app', image }] },
    },
  },
});

async function applyAll(names: readonly string[], image: string): Promise<void> {
  const left = [...names];
  const apply = async (): Promise<void> => {
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      await sandbox.apply(deployment(name, image), ALICE);
    }
  };
  await Promise.all(Array.from({ length: 8 }, apply));
}

const until = (what: string, isTrue: () => boolean): Promise<boolean> =>
  eventually(isTrue, { what, timeoutMs: 120_000 }).catch((error: unknown) => {
    throw new Error(summary(), { cause: error });
  });

const changes = (): ChangeWorkload[] =>
  sandbox.server.store.list('changeworkloads.altershield.io') as unknown as ChangeWorkload[];

function summary(): string {
  const counts = new Map<string, number>();
  for (const { status } of changes()) {
    const key = `${status?.phase ?? 'none'} ${status?.reason ?? ''}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].map(([key, count]) => `${count} × ${key}`).join(', ');
}

const badPodOf = (name: string) =>
  sandbox
    .pods({ namespace: NAMESPACE, labels: { app: name } })
    .find(({ spec }) => JSON.stringify(spec).includes(BAD));

const appOf = (change: ChangeWorkload): string => change.spec.target.name;

/** The kubelet's word: the image cannot be pulled. The evidence counts from the moment it is stored. */
async function strike(name: string): Promise<void> {
  const pod = badPodOf(name);
  if (pod === undefined) throw new Error(`show the evidence of ${name}: it has no bad pod`);
  const [status] = pod.status.containerStatuses ?? [];
  const waiting = { reason: 'ImagePullBackOff', message: `Back-off pulling image "${BAD}"` };
  passages.set(name, { evidence: performance.now(), recorded: 0, rolledBack: 0 });
  await sandbox.call('PATCH', {
    path: `/api/v1/namespaces/${NAMESPACE}/pods/${pod.metadata.name}/status`,
    body: { status: { containerStatuses: [{ ...status, state: { waiting } }] } },
  });
}

const methods = {
  /** Serves a cluster with so many sound Deployments; gives the operator's kubeconfig. */
  start: async (names: readonly string[]): Promise<string> => {
    listenIn();
    for (const kind of KINDS) await sandbox.apply(toCrd(kind));
    await sleep(200);
    await applyAll(names, GOOD);
    const isReady = (): boolean =>
      sandbox.pods({ namespace: NAMESPACE }).filter(({ status }) => status.phase === 'Running')
        .length ===
      names.length * REPLICAS;
    await until('sound pods', isReady);
    const front = await serveHttps(sandbox.server);
    return front.kubeconfig(TOKEN);
  },
  /** A policy for all of them; resolves when the webhook is in force. */
  govern: async (): Promise<void> => {
    const spec = { release: { batches: [1, '100%'], soakSeconds: 1 } };
    const metadata = { name: 'all', namespace: NAMESPACE };
    await sandbox.apply({
      apiVersion: 'altershield.io/v1alpha1',
      kind: 'ChangePolicy',
      metadata,
      spec,
    });
    const type = 'mutatingwebhookconfigurations.admissionregistration.k8s.io';
    await until('the webhook', () =>
      JSON.stringify(sandbox.server.store.list(type)).includes('caBundle'),
    );
    await sleep(1000);
  },
  /** Changes them all to the bad image; resolves when each has its one bad pod. */
  change: async (names: readonly string[]): Promise<void> => {
    await applyAll(names, BAD);
    const shown = (name: string): boolean =>
      JSON.stringify(badPodOf(name)?.status ?? '').includes('ErrImagePull');
    await until('a bad pod of each', () => names.every(shown));
  },
  /** Shows the evidence of so many per second (0: all at once); gives what followed once all are rolled back. */
  strike: async ({
    names,
    perSecond,
  }: {
    names: readonly string[];
    perSecond: number;
  }): Promise<Passage[]> => {
    const began = performance.now();
    const strikes: Promise<void>[] = [];
    for (const [i, name] of names.entries()) {
      const dueMs = perSecond === 0 ? 0 : began + (i * 1000) / perSecond - performance.now();
      if (dueMs > 0) await sleep(dueMs);
      strikes.push(strike(name));
    }
    await Promise.all(strikes);
    const isBack = (name: string): boolean =>
      changes().some((change) => appOf(change) === name && change.status?.phase === 'RolledBack');
    await until('all rolled back', () => names.every(isBack));
    return names.flatMap((name) => passages.get(name) ?? []);
  },
  /** How many changes there are, and pods. */
  count: (): { pods: number; changes: number } => ({
    pods: sandbox.server.store.list(`${RESOURCES.pod.plural}.`).length,
    changes: changes().length,
  }),
};

export type SandboxServer = typeof methods;
answerParent(methods);
