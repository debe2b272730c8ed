// SPDX-License-Identifier: Apache-2.0
import type { MetricSourceSpec } from '@altershield/api';
import {
  fixedCredentials,
  isForbidden,
  isNotFound,
  type ConnectionConfig,
  type Credentials,
  type ObjectKey,
} from '@altershield/kube';
import { SourceError } from './source-client.ts';

/** The data of a Secret, in base64. */
export type SecretData = Readonly<Record<string, string>>;

export interface SecretAccess {
  readonly read: (key: ObjectKey) => Promise<SecretData>;
  /** The user that needs the permission. */
  readonly operatorUser: string;
}

/** An object with settings that may name Secrets in its namespace. */
export interface SettingsOf {
  readonly key: ObjectKey;
  readonly spec: MetricSourceSpec;
}

interface SecretKeyRef {
  readonly name: string;
  readonly key: string;
}
type Prometheus = NonNullable<MetricSourceSpec['prometheus']>;
type HoloInsight = NonNullable<MetricSourceSpec['holoinsight']>;
type Value = (ref: SecretKeyRef) => Promise<string>;

/** Where and how a source is reached, with what its Secrets contain. */
export async function connectionOf(
  { key, spec }: SettingsOf,
  access: SecretAccess,
): Promise<ConnectionConfig> {
  const server = spec.prometheus ?? spec.holoinsight;
  if (server === undefined) {
    throw new SourceError('Invalid', 'set spec.prometheus or spec.holoinsight');
  }
  const data = new Map<string, Promise<SecretData>>();
  const value: Value = async (ref) => {
    const secret = data.get(ref.name) ?? readSecret({ key, spec }, ref.name, access);
    data.set(ref.name, secret);
    return valueOf(await secret, ref, key.namespace);
  };
  const headers =
    spec.prometheus === undefined
      ? await accessKeyOf(spec.holoinsight, value)
      : await headersOf(spec.prometheus, value);
  return { server: server.url, headers, ...(await tlsOf(server.tls, value)) };
}

async function headersOf({ headers = [], auth }: Prometheus, value: Value) {
  const all = headers.map(async ({ name, value: text = '', secretRef }) => [
    name.toLowerCase(),
    secretRef === undefined ? text : await value(secretRef),
  ]);
  const given = Object.fromEntries(await Promise.all(all)) as Record<string, string>;
  if (auth?.bearerSecretRef !== undefined) {
    return { ...given, authorization: `Bearer ${await value(auth.bearerSecretRef)}` };
  }
  if (auth?.basicSecretRef === undefined) return given;
  const { name } = auth.basicSecretRef;
  const username = await value({ name, key: 'username' });
  const password = await value({ name, key: 'password' });
  const basic = Buffer.from(`${username}:${password}`).toString('base64');
  return { ...given, authorization: `Basic ${basic}` };
}

async function accessKeyOf(holoinsight: HoloInsight | undefined, value: Value) {
  const ref = holoinsight?.accessKeySecretRef;
  return ref === undefined ? {} : { accesskey: await value(ref) };
}

async function tlsOf(
  tls: Prometheus['tls'],
  value: Value,
): Promise<Omit<ConnectionConfig, 'server'>> {
  const ca = tls?.caSecretRef === undefined ? tls?.ca : await value(tls.caSecretRef);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(tls?.serverName === undefined ? {} : { tlsServerName: tls.serverName }),
    insecureSkipTlsVerify: tls?.insecureSkipVerify === true,
    credentials: fixedCredentials(await certificateOf(tls, value)),
  };
}

async function certificateOf(tls: Prometheus['tls'], value: Value): Promise<Credentials> {
  if (tls?.certSecretRef === undefined) return {};
  const { name } = tls.certSecretRef;
  const certificate = await value({ name, key: 'tls.crt' });
  return { clientCertificate: { certificate, key: await value({ name, key: 'tls.key' }) } };
}

async function readSecret(source: SettingsOf, name: string, access: SecretAccess) {
  const { namespace } = source.key;
  try {
    return await access.read({ namespace, name });
  } catch (error) {
    const cause = { cause: error };
    if (isNotFound(error)) {
      const text = `there is no Secret ${namespace}/${name}; create it, or correct the spec`;
      throw new SourceError('SecretUnavailable', text, cause);
    }
    if (isForbidden(error)) {
      const text = `the operator may not read Secret ${namespace}/${name}; permit it: ${grantOf(source, access)}`;
      throw new SourceError('SecretUnavailable', text, cause);
    }
    const text = `cannot read Secret ${namespace}/${name}: ${String(error)}`;
    throw new SourceError('Unavailable', text, cause);
  }
}

/** The commands that permit the operator to read what the source names, and nothing else. */
function grantOf({ key: { namespace, name }, spec }: SettingsOf, { operatorUser }: SecretAccess) {
  const role = `altershield-metric-source-${name}`;
  const secrets = secretNames(spec).map((secret) => `--resource-name=${secret}`);
  return [
    `kubectl create role ${role} -n ${namespace} --verb=get --resource=secrets ${secrets.join(' ')}`,
    `kubectl create rolebinding ${role} -n ${namespace} --role=${role} --user=${operatorUser}`,
  ].join(' && ');
}

function secretNames({ prometheus, holoinsight }: MetricSourceSpec): string[] {
  const refs: readonly ({ readonly name: string } | undefined)[] = [
    ...(prometheus === undefined ? [] : refsOf(prometheus)),
    ...[holoinsight?.accessKeySecretRef],
    ...tlsRefs(prometheus?.tls ?? holoinsight?.tls),
  ];
  return [...new Set(refs.flatMap((ref) => (ref === undefined ? [] : [ref.name])))];
}

const refsOf = ({ headers = [], auth }: Prometheus) => [
  ...headers.map(({ secretRef }) => secretRef),
  ...[auth?.bearerSecretRef, auth?.basicSecretRef],
];

const tlsRefs = (tls: Prometheus['tls']) => [tls?.caSecretRef, tls?.certSecretRef];

function valueOf(data: SecretData, { name, key }: SecretKeyRef, namespace: string): string {
  const encoded = data[key];
  if (encoded === undefined) {
    const has = Object.keys(data).sort().join(', ') || 'none';
    const text = `Secret ${namespace}/${name} has no key ${key}; its keys are: ${has}`;
    throw new SourceError('SecretUnavailable', text);
  }
  // A trailing line break is an accident of `echo`, and not allowed in a header.
  return Buffer.from(encoded, 'base64')
    .toString('utf8')
    .replace(/[\r\n]+$/, '');
}
