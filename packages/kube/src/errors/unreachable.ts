// SPDX-License-Identifier: Apache-2.0

/** Hints by error code. */
const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'check that it is running and that the configured server address is correct',
  ENOTFOUND: 'the host name is unknown; check the configured server address',
  EAI_AGAIN: 'the host name cannot be resolved; check DNS',
  UND_ERR_CONNECT_TIMEOUT: 'check the address, and whether a firewall blocks it',
  EHOSTUNREACH: 'check the network and the address',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'the certificate is for other names; correct the server address or set "tls-server-name"',
  ERR_OSSL_PEM_NO_START_LINE:
    'the client certificate, its key or the certificate authority is not valid PEM; check the configuration',
  CERT_HAS_EXPIRED: 'the server certificate has expired; renew it',
};
const WRONG_CA = 'the server certificate is not signed by the configured certificate authority';
const CA_CODES = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
];

/** An error with the host, the cause and a hint. */
export function unreachable(server: string, cause: unknown, peer = 'the API server'): Error {
  const { code, message } = factsOf(cause);
  const hint = CA_CODES.includes(code) ? WRONG_CA : HINTS[code];
  const text = `cannot reach ${peer} at ${server}: ${message}`;
  return new Error(hint === undefined ? text : `${text}; ${hint}`, { cause });
}

/** A host with several addresses fails with one error each; the first represents all. */
function factsOf(error: unknown): { code: string; message: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return factsOf(error.errors[0]);
  if (!(error instanceof Error)) return { code: '', message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return { code, message: error.message === '' ? code : error.message };
}
