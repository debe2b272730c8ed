// SPDX-License-Identifier: Apache-2.0
import type { KubeObject, ObjectKey, APIResource } from '../../client/object.ts';
import type { Patch } from '../../client/patch.ts';
import type { CertificateSet } from './certificate-set.ts';

export interface Secret extends KubeObject {
  readonly type?: string;
  /** Values in base64. */
  readonly data?: Readonly<Record<string, string>>;
}

/** The calls that sharing certificates through a Secret takes; `Client` has them. */
export interface SecretClient {
  get(resource: APIResource, key: ObjectKey, options?: { signal?: AbortSignal }): Promise<Secret>;
  create(
    resource: APIResource,
    namespace: string,
    body: object,
    options?: { signal?: AbortSignal },
  ): Promise<Secret>;
  patch(
    resource: APIResource,
    key: ObjectKey,
    patch: Patch,
    options?: { signal?: AbortSignal },
  ): Promise<Secret>;
}

/** `undefined` when the Secret has no certificate data, for example when an installer creates it empty. */
export function setOf({ data = {} }: Secret): CertificateSet | undefined {
  const text = (name: string): string => Buffer.from(data[name] ?? '', 'base64').toString('utf8');
  const set = {
    cert: text('tls.crt'),
    key: text('tls.key'),
    caBundle: text('ca.crt'),
    caKey: text('ca.key'),
  };
  return Object.values(set).every((part) => part === '') ? undefined : set;
}

/** `data` of the Secret. */
export const dataOf = (set: CertificateSet): Readonly<Record<string, string>> => ({
  'tls.crt': base64(set.cert),
  'tls.key': base64(set.key),
  'ca.crt': base64(set.caBundle),
  'ca.key': base64(set.caKey),
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');
