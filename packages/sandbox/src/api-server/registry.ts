// SPDX-License-Identifier: Apache-2.0
import type { APIResource } from '@altershield/kube';
import {
  dig,
  isJsonObject,
  list,
  asJsonObject,
  strings,
  text,
  type Json,
  type StoredObject,
} from '../json.ts';
import { typeKey, type KindRules, type ResourceDefinition } from './definition.ts';
import { cronJobRules, jobRules } from './kinds/batch.ts';
import { customRules } from './kinds/custom.ts';
import {
  configMapRules,
  generationRules,
  namespaceRules,
  plainRules,
  secretRules,
  webhookRules,
} from './kinds/plain.ts';
import { daemonSetRules } from './kinds/daemon-set.ts';
import { controllerRevisionRules, statefulSetRules } from './kinds/stateful-set.ts';
import { deploymentRules, podRules, replicaSetRules } from './kinds/workload.ts';
import type { KubernetesVersion } from './kubernetes-version.ts';

interface BuiltIn {
  readonly group?: string;
  readonly kind: string;
  readonly plural: string;
  readonly short?: readonly string[];
  readonly clusterWide?: boolean;
  readonly status?: boolean;
  readonly scale?: boolean;
  readonly rules?: KindRules;
}

const APPS = 'apps';
const ADMISSION = 'admissionregistration.k8s.io';

const BUILT_INS: readonly BuiltIn[] = [
  {
    kind: 'Namespace',
    plural: 'namespaces',
    short: ['ns'],
    clusterWide: true,
    status: true,
    rules: namespaceRules,
  },
  { kind: 'Node', plural: 'nodes', short: ['no'], clusterWide: true, status: true },
  { kind: 'Pod', plural: 'pods', short: ['po'], status: true, rules: podRules },
  { kind: 'Event', plural: 'events', short: ['ev'] },
  { kind: 'Secret', plural: 'secrets', rules: secretRules },
  { kind: 'ConfigMap', plural: 'configmaps', short: ['cm'], rules: configMapRules },
  { kind: 'Service', plural: 'services', short: ['svc'], status: true },
  { kind: 'ServiceAccount', plural: 'serviceaccounts', short: ['sa'] },
  {
    group: APPS,
    kind: 'Deployment',
    plural: 'deployments',
    short: ['deploy'],
    status: true,
    scale: true,
    rules: deploymentRules,
  },
  {
    group: APPS,
    kind: 'ReplicaSet',
    plural: 'replicasets',
    short: ['rs'],
    status: true,
    scale: true,
    rules: replicaSetRules,
  },
  {
    group: APPS,
    kind: 'DaemonSet',
    plural: 'daemonsets',
    short: ['ds'],
    status: true,
    rules: daemonSetRules,
  },
  {
    group: APPS,
    kind: 'ControllerRevision',
    plural: 'controllerrevisions',
    rules: controllerRevisionRules,
  },
  {
    group: 'batch',
    kind: 'Job',
    plural: 'jobs',
    status: true,
    rules: jobRules,
  },
  {
    group: 'batch',
    kind: 'CronJob',
    plural: 'cronjobs',
    short: ['cj'],
    status: true,
    rules: cronJobRules,
  },
  { group: 'coordination.k8s.io', kind: 'Lease', plural: 'leases' },
  {
    group: ADMISSION,
    kind: 'MutatingWebhookConfiguration',
    plural: 'mutatingwebhookconfigurations',
    clusterWide: true,
    rules: webhookRules,
  },
  {
    group: ADMISSION,
    kind: 'ValidatingWebhookConfiguration',
    plural: 'validatingwebhookconfigurations',
    clusterWide: true,
    rules: webhookRules,
  },
  {
    group: 'apiextensions.k8s.io',
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    short: ['crd', 'crds'],
    clusterWide: true,
    status: true,
    rules: generationRules,
  },
];

const statefulSets = (kubernetes: KubernetesVersion): BuiltIn => ({
  group: APPS,
  kind: 'StatefulSet',
  plural: 'statefulsets',
  short: ['sts'],
  status: true,
  scale: true,
  rules: statefulSetRules(kubernetes),
});

/** The resource types that the server serves: built-in ones, and those that CRDs add. */
export class Registry {
  readonly #byPath = new Map<string, ResourceDefinition>();

  constructor(kubernetes: KubernetesVersion) {
    for (const builtIn of [...BUILT_INS, statefulSets(kubernetes)])
      this.#add(builtInDefinition(builtIn));
  }

  /** By URL: `group` is '' for the core group. */
  find(group: string, version: string, plural: string): ResourceDefinition | undefined {
    return this.#byPath.get(`${group}/${version}/${plural}`);
  }

  /** The definition of a resource that the caller knows to exist; throws a plain Error if not. */
  of({ group, version, plural }: APIResource): ResourceDefinition {
    const found = this.find(group, version, plural);
    if (found === undefined) throw new Error(`look up ${plural}.${version}.${group}: not served`);
    return found;
  }

  hasGroup(group: string, version: string): boolean {
    return this.all().some(
      ({ resource }) => resource.group === group && resource.version === version,
    );
  }

  byKind(apiVersion: string, kind: string): ResourceDefinition | undefined {
    return this.all().find(({ resource }) => {
      const own =
        resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
      return own === apiVersion && resource.kind === kind;
    });
  }

  all(): ResourceDefinition[] {
    return [...this.#byPath.values()];
  }

  /** Serves all served versions of the CRD. */
  establish(crd: StoredObject): void {
    this.withdraw(crd);
    for (const version of list(dig(crd, 'spec', 'versions')).filter(isJsonObject)) {
      if (version['served'] === true) this.#add(customDefinition(crd, version));
    }
  }

  withdraw(crd: StoredObject): void {
    const type = typeKey(namesOf(crd));
    for (const [path, { resource }] of this.#byPath) {
      if (typeKey(resource) === type) this.#byPath.delete(path);
    }
  }

  #add(definition: ResourceDefinition): void {
    const { group, version, plural } = definition.resource;
    this.#byPath.set(`${group}/${version}/${plural}`, definition);
  }
}

const selectorText = (object: StoredObject): string =>
  Object.entries(strings(dig(object, 'spec', 'selector', 'matchLabels')))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');

const IN_ALL = [
  'deployments',
  'replicasets',
  'statefulsets',
  'jobs',
  'cronjobs',
  'pods',
  'services',
];

function builtInDefinition(one: BuiltIn): ResourceDefinition {
  const { group = '', kind, plural } = one;
  return {
    resource: { group, version: 'v1', plural, kind, namespaced: one.clusterWide !== true },
    singular: kind.toLowerCase(),
    shortNames: one.short ?? [],
    categories: IN_ALL.includes(plural) ? ['all'] : [],
    hasStatus: one.status === true,
    scale: one.scale === true ? { selector: selectorText } : undefined,
    isCustom: false,
    rules: one.rules ?? plainRules,
  };
}

function namesOf(crd: StoredObject): { group: string; plural: string } {
  return {
    group: text(dig(crd, 'spec', 'group')),
    plural: text(dig(crd, 'spec', 'names', 'plural')),
  };
}

function customDefinition(crd: StoredObject, version: Json): ResourceDefinition {
  const names = asJsonObject(dig(crd, 'spec', 'names'));
  const kind = text(names['kind']);
  return {
    resource: {
      ...namesOf(crd),
      version: text(version['name']),
      kind,
      namespaced: dig(crd, 'spec', 'scope') === 'Namespaced',
    },
    singular: text(names['singular']) || kind.toLowerCase(),
    shortNames: list(names['shortNames']).map(text),
    categories: list(names['categories']).map(text),
    hasStatus: isJsonObject(dig(version, 'subresources', 'status')),
    scale: undefined,
    isCustom: true,
    rules: customRules(asJsonObject(dig(version, 'schema', 'openAPIV3Schema'))),
  };
}
