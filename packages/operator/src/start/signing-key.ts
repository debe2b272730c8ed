// SPDX-License-Identifier: Apache-2.0
import { OBJECT_NAMES } from '@altershield/api';
import {
  ConfigError,
  RESOURCES,
  isAlreadyExists,
  isNotFound,
  type Client,
  type KubeObject,
} from '@altershield/kube';
import { randomBytes } from 'node:crypto';

const KEY_BYTES = 32;

interface SigningKeySecret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * The key with which all replicas sign records and annotations. Created once: with another key,
 * every existing signature in the cluster is invalid.
 */
export async function ensureSigningKey(client: Client, namespace: string): Promise<Uint8Array> {
  const key = { namespace, name: OBJECT_NAMES.seal };
  try {
    return decodeKey(await client.get<SigningKeySecret>(RESOURCES.secret, key));
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  const data = { key: randomBytes(KEY_BYTES).toString('base64') };
  const body = { apiVersion: 'v1', kind: 'Secret', metadata: key, type: 'Opaque', data };
  try {
    return decodeKey(await client.create<SigningKeySecret>(RESOURCES.secret, namespace, body));
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return decodeKey(await client.get<SigningKeySecret>(RESOURCES.secret, key));
  }
}

function decodeKey({ metadata, data = {} }: SigningKeySecret): Uint8Array {
  const bytes = Buffer.from(data['key'] ?? '', 'base64');
  if (bytes.length >= KEY_BYTES) return bytes;
  throw new ConfigError(
    `read the signing key in secret ${metadata.namespace ?? ''}/${metadata.name}: data.key has fewer than ${KEY_BYTES} bytes; delete the secret, and the operator creates a new one`,
  );
}
