// SPDX-License-Identifier: Apache-2.0
import { dig, isJsonObject, list, asJsonObject, text, type Json } from '../../json.ts';
import { FIELD, type FieldProblem } from '../failure.ts';

/** Applies the API server's defaults to a pod specification; set fields stay. */
export function completePodSpec(spec: Json): Json {
  return {
    ...spec,
    containers: list(spec['containers']).map((one) => completeContainer(asJsonObject(one))),
    ...(spec['initContainers'] === undefined
      ? {}
      : {
          initContainers: list(spec['initContainers']).map((one) =>
            completeContainer(asJsonObject(one)),
          ),
        }),
    restartPolicy: spec['restartPolicy'] ?? 'Always',
    terminationGracePeriodSeconds: spec['terminationGracePeriodSeconds'] ?? 30,
    dnsPolicy: spec['dnsPolicy'] ?? 'ClusterFirst',
    securityContext: spec['securityContext'] ?? {},
    schedulerName: spec['schedulerName'] ?? 'default-scheduler',
  };
}

function completeContainer(container: Json): Json {
  return {
    ...container,
    resources: container['resources'] ?? {},
    ...(container['ports'] === undefined
      ? {}
      : { ports: list(container['ports']).map(completePort) }),
    ...probes(container),
    terminationMessagePath: container['terminationMessagePath'] ?? '/dev/termination-log',
    terminationMessagePolicy: container['terminationMessagePolicy'] ?? 'File',
    imagePullPolicy: container['imagePullPolicy'] ?? pullPolicy(text(container['image'])),
  };
}

function completePort(port: unknown): Json {
  const given = asJsonObject(port);
  return { ...given, protocol: given['protocol'] ?? 'TCP' };
}

function probes(container: Json): Json {
  const names = ['readinessProbe', 'livenessProbe', 'startupProbe'];
  const given = names.filter((name) => isJsonObject(container[name]));
  return Object.fromEntries(
    given.map((name) => [name, completeProbe(asJsonObject(container[name]))]),
  );
}

function completeProbe(probe: Json): Json {
  const http = probe['httpGet'];
  return {
    ...probe,
    ...(isJsonObject(http)
      ? { httpGet: { ...http, path: http['path'] ?? '/', scheme: http['scheme'] ?? 'HTTP' } }
      : {}),
    timeoutSeconds: probe['timeoutSeconds'] ?? 1,
    periodSeconds: probe['periodSeconds'] ?? 10,
    successThreshold: probe['successThreshold'] ?? 1,
    failureThreshold: probe['failureThreshold'] ?? 3,
  };
}

function pullPolicy(image: string): string {
  const name = image.slice(image.lastIndexOf('/') + 1);
  const isLatest = !name.includes(':') || name.endsWith(':latest');
  return isLatest && !image.includes('@') ? 'Always' : 'IfNotPresent';
}

/** The problems of a pod's specification that users make most. */
export function validatePodSpec(spec: unknown, path: string): FieldProblem[] {
  const containers = list(dig(spec, 'containers'));
  if (containers.length === 0) return [FIELD.required(`${path}.containers`)];
  return containers.flatMap((container, at) => {
    const where = `${path}.containers[${at}]`;
    return [
      ...(text(dig(container, 'name')) === '' ? [FIELD.required(`${where}.name`)] : []),
      ...(text(dig(container, 'image')) === '' ? [FIELD.required(`${where}.image`)] : []),
    ];
  });
}
