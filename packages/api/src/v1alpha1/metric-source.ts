// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { defineKind } from '../kind.ts';
import { conditions, count, text, type CustomResource, type DeepReadonly } from './common.ts';

const url = z
  .string()
  .max(2048)
  .regex(
    /^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/,
    'must be http:// or https://, without user, query and fragment',
  )
  .describe('Address, e.g. http://prometheus.monitoring:9090. A path prefix is kept.');

const secretName = text(253, 'Name of the Secret, in the namespace of the MetricSource.').min(1);

/** A value in a Secret; `key` has a default because most Secrets follow a convention. */
const secretKeyRef = (key: string, description: string) =>
  z
    .strictObject({
      name: secretName,
      key: text(253, 'Key in the Secret.').min(1).default(key),
    })
    .describe(description);

const header = z
  .strictObject({
    name: z
      .string()
      .max(128)
      .regex(/^[A-Za-z0-9-]+$/, 'must be letters, digits and dashes')
      .describe('Name of the header, e.g. X-Scope-OrgID.'),
    value: text(4096, 'Its value.').optional(),
    secretRef: secretKeyRef('value', 'Where its value is, if it is secret.').optional(),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: 'has(self.value) != has(self.secretRef)',
        message: 'set either value or secretRef',
      },
    ],
  });

const auth = z
  .strictObject({
    bearerSecretRef: secretKeyRef('token', 'A bearer token.').optional(),
    basicSecretRef: z
      .strictObject({ name: secretName })
      .describe('A Secret with the keys username and password (type kubernetes.io/basic-auth).')
      .optional(),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: 'has(self.bearerSecretRef) != has(self.basicSecretRef)',
        message: 'set either bearerSecretRef or basicSecretRef',
      },
    ],
  })
  .describe('How AlterShield authenticates. Default: it does not.');

const tls = z
  .strictObject({
    ca: text(
      65_536,
      'PEM of the certificate authorities. Default: those that Node trusts.',
    ).optional(),
    caSecretRef: secretKeyRef('ca.crt', 'A Secret with that PEM.').optional(),
    certSecretRef: z
      .strictObject({ name: secretName })
      .describe(
        'A Secret with the keys tls.crt and tls.key (type kubernetes.io/tls): the client certificate.',
      )
      .optional(),
    serverName: text(253, 'The name that the server certificate has to have.').optional(),
    insecureSkipVerify: z
      .boolean()
      .default(false)
      .describe('Accept any server certificate. Only for tests.'),
  })
  .describe('TLS settings of an https URL.');

const prometheus = z
  .strictObject({
    url,
    headers: z
      .array(header)
      .max(16)
      .optional()
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] })
      .describe('Headers of every request, e.g. the tenant of Mimir, Thanos or Cortex.'),
    auth: auth.optional(),
    tls: tls.optional(),
  })
  .describe('A server with the HTTP API of Prometheus: Thanos, Mimir, Cortex, VictoriaMetrics, …');

export const HOLOINSIGHT_APIS = ['PQL', 'Query'] as const;

const holoinsight = z
  .strictObject({
    url,
    tenant: text(128, 'The tenant. Default: the one of the access key.').optional(),
    accessKeySecretRef: secretKeyRef('accessKey', 'The access key.').optional(),
    api: z
      .enum(HOLOINSIGHT_APIS)
      .default('PQL')
      .describe(
        'PQL: queries are PromQL. Query: queries are JSON of /webapi/v1/query, with datasources and without times.',
      ),
    tls: tls.optional(),
  })
  .describe('A HoloInsight server.');

export const metricSourceSpec = z
  .strictObject({
    prometheus: prometheus.optional(),
    holoinsight: holoinsight.optional(),
    default: z
      .boolean()
      .default(false)
      .describe(
        'Checks without a source use this one. The namespace of the policy comes before the one of the operator.',
      ),
    timeoutSeconds: z.int32().min(1).max(60).default(10).describe('Bound of one query.'),
    maxConcurrent: z.int32().min(1).max(32).default(6).describe('Queries at a time; more wait.'),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: 'has(self.prometheus) != has(self.holoinsight)',
        message: 'set either prometheus or holoinsight',
      },
    ],
  })
  .describe('Where the values of metric checks come from.');

export const metricSourceStatus = z
  .strictObject({
    observedGeneration: count('The newest generation that was tried.').optional(),
    conditions: conditions('What the source answered, or why it did not, with a hint.')
      .optional()
      .describe('Ready: whether the source answered a query when it was last tried.'),
  })
  .describe('Written by the operator.');

export const MetricSourceKind = defineKind({
  kind: 'MetricSource',
  plural: 'metricsources',
  singular: 'metricsource',
  shortNames: ['ms'],
  categories: ['altershield'],
  description: 'A server that metric checks query: Prometheus or HoloInsight.',
  spec: metricSourceSpec,
  status: metricSourceStatus,
  columns: [
    { name: 'Default', type: 'boolean', jsonPath: '.spec.default' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Reason', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
    {
      name: 'Message',
      type: 'string',
      jsonPath: '.status.conditions[?(@.type=="Ready")].message',
      priority: 1,
    },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  rules: [],
});

export type MetricSourceSpec = DeepReadonly<z.output<typeof metricSourceSpec>>;
export type MetricSourceStatus = DeepReadonly<z.output<typeof metricSourceStatus>>;
export type MetricSource = CustomResource<MetricSourceSpec, MetricSourceStatus>;
