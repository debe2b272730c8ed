// SPDX-License-Identifier: Apache-2.0

/** What a test says about a workload; the rest is filled in. */
export interface WorkloadWishes {
  /** Default: Deployment. */
  readonly kind?: AppKind;
  readonly name: string;
  readonly namespace: string;
  /** The tag says the pods' fate: `web:bad`, `web:crash`, `web:v1`. */
  readonly image: string;
  readonly replicas?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Fields of the spec that are written as they are, such as `strategy` or `minReadySeconds`. */
  readonly spec?: Readonly<Record<string, unknown>>;
  /** Fields of the pod's spec beside the container. */
  readonly podSpec?: Readonly<Record<string, unknown>>;
  /** Fields of the container beside name and image. */
  readonly container?: Readonly<Record<string, unknown>>;
}

/** Kinds that the tests know how to make. */
export type AppKind = 'Deployment' | 'StatefulSet' | 'DaemonSet';

export const pluralOf = (kind: AppKind): string => `${kind.toLowerCase()}s`;

/** Label of the nodes that a DaemonSet with as many pods runs on: see `ensureNodes`. */
export const poolOf = (size: number) => ({ 'test.altershield.io/pool': `of-${size}` });

/** A workload whose pods carry the label `app: <name>`. */
export function aDeployment(wishes: WorkloadWishes): Record<string, unknown> {
  const { kind = 'Deployment', name, namespace, image, replicas = 1 } = wishes;
  const { labels, annotations } = wishes;
  const podLabels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, namespace, labels: { ...podLabels, ...labels }, annotations },
    spec: {
      ...(kind === 'DaemonSet' ? {} : { replicas }),
      selector: { matchLabels: podLabels },
      template: {
        metadata: { labels: podLabels },
        spec: {
          containers: [{ name: 'app', image, ...wishes.container }],
          terminationGracePeriodSeconds: 0,
          ...(kind === 'DaemonSet' ? { nodeSelector: poolOf(replicas) } : {}),
          ...wishes.podSpec,
        },
      },
      ...(kind === 'StatefulSet' ? { serviceName: name } : {}),
      ...wishes.spec,
    },
  };
}
