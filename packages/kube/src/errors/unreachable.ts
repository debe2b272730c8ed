// SPDX-License-Identifier: Apache-2.0

/** What to look at, by the code of the failure. */
const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'is it running, and is the server address of the configuration right?',
  ENOTFOUND: 'the host name is unknown; is the server address of the configuration right?',
  EAI_AGAIN: 'the host name could not be looked up; is DNS working?',
  UND_ERR_CONNECT_TIMEOUT: 'is the address right, and does a firewall stand in between?',
  EHOSTUNREACH: 'is the network up, and is the address right?',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for other names; correct the server address or set "tls-server-name"',
  ERR_OSSL_PEM_NO_START_LINE:
    'the client certificate, its key or the certificate authority is no PEM; look at the configuration',
  CERT_HAS_EXPIRED: 'its certificate has expired; renew it',
};
const WRONG_CA = 'its certificate is not signed by the configured certificate authority';
const CA_CODES = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
];

/** Names the host, what happened and what to look at. */
export function unreachable(server: string, cause: unknown): Error {
  const { code, message } = factsOf(cause);
  const hint = CA_CODES.includes(code) ? WRONG_CA : HINTS[code];
  const text = `cannot reach the API server at ${server}: ${message}`;
  return new Error(hint === undefined ? text : `${text}; ${hint}`, { cause });
}

/** A name with several addresses fails with one error each; the first stands for all. */
function factsOf(error: unknown): { code: string; message: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return factsOf(error.errors[0]);
  if (!(error instanceof Error)) return { code: '', message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return { code, message: error.message === '' ? code : error.message };
}
