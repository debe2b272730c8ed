// SPDX-License-Identifier: Apache-2.0

/** What a test says about a Deployment; the rest is filled in. */
export interface DeploymentWishes {
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

/** A Deployment whose pods carry the label `app: <name>`. */
export function aDeployment(wishes: DeploymentWishes): Record<string, unknown> {
  const { name, namespace, image, replicas = 1, labels, annotations } = wishes;
  const podLabels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels: { ...podLabels, ...labels }, annotations },
    spec: {
      replicas,
      selector: { matchLabels: podLabels },
      template: {
        metadata: { labels: podLabels },
        spec: {
          containers: [{ name: 'app', image, ...wishes.container }],
          terminationGracePeriodSeconds: 0,
          ...wishes.podSpec,
        },
      },
      ...wishes.spec,
    },
  };
}
