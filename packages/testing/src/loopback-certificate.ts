// SPDX-License-Identifier: Apache-2.0
import {
  CertificateManager,
  KubeError,
  realScheduler,
  silentLogger,
  type KubeObject,
} from '@altershield/kube';

export interface ServerCertificate {
  /** PEM of the leaf and its key. */
  readonly cert: string;
  readonly key: string;
  /** PEM of the authority that clients are to trust. */
  readonly ca: string;
}

/** A certificate for loopback servers, signed by an authority made for this one purpose. */
export async function loopbackCertificate(): Promise<ServerCertificate> {
  const stop = new AbortController();
  const manager = new CertificateManager({
    client: secretInMemory(),
    namespace: 'sandbox',
    name: 'serving',
    dnsNames: ['localhost'],
    ips: ['127.0.0.1'],
    settleMs: 0,
    scheduler: realScheduler,
    log: silentLogger,
    onCertificate: () => undefined,
  });
  const running = manager.start(stop.signal);
  const { cert, key, caBundle } = await manager.whenReady();
  stop.abort();
  await running;
  return { cert, key, ca: caBundle };
}

function secretInMemory() {
  let secret: KubeObject | undefined;
  return {
    get: () =>
      secret === undefined
        ? Promise.reject(new KubeError({ doing: 'get the secret', status: 404 }))
        : Promise.resolve(secret),
    create: (_resource: unknown, _namespace: string, body: object) => {
      secret = body as KubeObject;
      return Promise.resolve(secret);
    },
    patch: () => Promise.reject(new Error('the secret is written once')),
  };
}
