// SPDX-License-Identifier: Apache-2.0
import { RESOURCES } from '@altershield/kube';
import type { CertificateSet } from '../../../kube/src/webhook/certificates/certificate-set.ts';
import { type SecretClient, dataOf, setOf } from '../../../kube/src/webhook/certificates/secret.ts';
import { objectPath } from '../../../kube/src/client/paths.ts';
import { StoreClient } from '../object-store.ts';

const PATH = objectPath(RESOURCES.secret, { namespace: 'system', name: 'hook-tls' });

/** The Secret of the webhook's certificates in an object store. */
export class FakeSecrets extends StoreClient implements SecretClient {
  put(set: CertificateSet): void {
    this.store.put(PATH, { kind: 'Secret', data: dataOf(set) });
  }

  /** Made by an installer, without content. */
  putEmpty(): void {
    this.store.put(PATH, { kind: 'Secret' });
  }

  remove(): void {
    this.store.remove(PATH);
  }

  read(): CertificateSet {
    const set = setOf(this.store.read(PATH));
    if (set === undefined) throw new Error('no certificates are stored');
    return set;
  }
}
