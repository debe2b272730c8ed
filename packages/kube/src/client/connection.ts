// SPDX-License-Identifier: Apache-2.0

/** An invalid configuration. The message names the file or setting and gives a hint. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** PEM texts. */
export interface ClientCertificate {
  readonly certificate: string;
  readonly key: string;
}

export interface Credentials {
  readonly token?: string;
  readonly clientCertificate?: ClientCertificate;
}

/** Gives the credentials of the moment; they may change while the process runs. */
export interface CredentialSource {
  current(): Promise<Credentials>;
  /** The server answered 401 to these. True when asking again may give something else. */
  refused(credentials: Credentials): boolean;
}

/** The address of one API server and the credentials for it. */
export interface ConnectionConfig {
  /** E.g. `https://10.0.0.1:6443`; a path prefix is kept. */
  readonly server: string;
  /** PEM; default: the CAs that Node trusts. */
  readonly ca?: string;
  readonly tlsServerName?: string;
  /** Accept any server certificate. For laboratories. */
  readonly insecureSkipTlsVerify?: boolean;
  /** The namespace that the configuration names, if any. */
  readonly namespace?: string;
  readonly credentials: CredentialSource;
  /** True for the service account of the pod that this process runs in. */
  readonly isInCluster?: boolean;
  /** Sent with every request, e.g. `impersonate-user`. Lower-case names. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
}

/** Credentials that never change. */
export const fixedCredentials = (credentials: Credentials): CredentialSource => ({
  current: () => Promise.resolve(credentials),
  refused: () => false,
});

/** The impersonated user of a connection. */
export const impersonatedUser = ({ headers }: ConnectionConfig): string | undefined => {
  const user = headers?.['impersonate-user'];
  return typeof user === 'string' ? user : undefined;
};

/**
 * The same connection, acting as this user only. The server adds the groups that each service
 * account is in, so that no permission to impersonate groups is needed.
 */
export function impersonating(connection: ConnectionConfig, user: string): ConnectionConfig {
  const own = Object.entries(connection.headers ?? {}).filter(
    ([name]) => !name.startsWith('impersonate-'),
  );
  return { ...connection, headers: { ...Object.fromEntries(own), 'impersonate-user': user } };
}
