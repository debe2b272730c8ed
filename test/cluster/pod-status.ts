// SPDX-License-Identifier: Apache-2.0

/** A Go template of a status, as kwok renders it (YAML; merged into the object by strategic merge). */
export type StatusTemplate = string;

/** What the containers that meet their fate are doing. */
export type ContainerState =
  | {
      readonly waiting: {
        readonly reason: string;
        /** A Go template expression; `$c` is the container, `$root` the pod. */
        readonly message: string;
        /** The container ran before: what ended becomes its last state. */
        readonly isRestart?: boolean;
      };
    }
  | {
      readonly running: {
        /** Counts one more restart. */
        readonly isRestart?: boolean;
        /** The container goes on running: only its readiness changes. */
        readonly isSame?: boolean;
      };
    }
  | { readonly terminated: { readonly exitCode: number; readonly reason: string } };

/** A regular expression of the images whose tag begins with one of `tags` (`bad|crash`); none when empty. */
export function tagged(tags: string): string {
  return tags === '' ? '^$' : `:(${tags})[^/:]*$`;
}

/** What a kubelet writes when it has accepted a pod. */
export function podCreated(): StatusTemplate {
  return [
    '{{ $now := Now }}',
    '{{ $names := list }}{{ range .spec.containers }}{{ $names = append $names .name }}{{ end }}',
    'phase: Pending',
    'startTime: {{ $now | Quote }}',
    ...addresses('hostIP', 'NodeIPsWith .spec.nodeName'),
    'conditions:',
    ...condition('PodReadyToStartContainers', 'False'),
    ...condition('Initialized', 'True'),
    ...unready(),
    'containerStatuses:',
    '{{ range .spec.containers }}',
    '- name: {{ .name | Quote }}',
    '  image: {{ .image | Quote }}',
    '  imageID: ""',
    '  ready: false',
    '  started: false',
    '  restartCount: 0',
    '  state: { waiting: { reason: ContainerCreating } }',
    '{{ end }}',
  ].join('\n');
}

/** Some containers are in `state`, so that the pod is not ready; its other containers are well. */
export function notReady(tags: string, state: ContainerState): StatusTemplate {
  return [
    ...preamble(tags),
    'phase: ' + ('waiting' in state && state.waiting.isRestart !== true ? 'Pending' : 'Running'),
    ...addresses('podIP', POD_IPS),
    'conditions:',
    ...condition('PodReadyToStartContainers', 'True'),
    ...unready(),
    ...containers(tags, state, false),
  ].join('\n');
}

/** All containers run and the pod is ready. */
export function ready(tags: string, state: ContainerState = { running: {} }): StatusTemplate {
  return [
    ...preamble(tags),
    'phase: Running',
    ...addresses('podIP', POD_IPS),
    'conditions:',
    ...condition('PodReadyToStartContainers', 'True'),
    ...condition('ContainersReady', 'True'),
    ...condition('Ready', 'True'),
    ...readinessGates(),
    ...containers(tags, state, true),
  ].join('\n');
}

/** All containers ended, for good. */
export function podEnded(phase: 'Succeeded' | 'Failed', exitCode: number): StatusTemplate {
  const reason = phase === 'Succeeded' ? 'Completed' : 'Error';
  const why = phase === 'Succeeded' ? 'PodCompleted' : 'PodFailed';
  return [
    ...preamble('[^/:]*'),
    `phase: ${phase}`,
    'conditions:',
    ...condition('ContainersReady', 'False', why),
    ...condition('Ready', 'False', why),
    ...containers('[^/:]*', { terminated: { exitCode, reason } }, false),
  ].join('\n');
}

const POD_IPS =
  'PodIPsWith .spec.nodeName (or .spec.hostNetwork false) .metadata.uid .metadata.name .metadata.namespace';

function preamble(tags: string): string[] {
  return [
    '{{ $now := Now }}',
    '{{ $root := . }}',
    `{{ $fated := ${JSON.stringify(tagged(tags))} }}`,
    '{{ $names := list }}{{ range .spec.containers }}{{ if regexMatch $fated .image }}{{ $names = append $names .name }}{{ end }}{{ end }}',
  ];
}

function unready(): string[] {
  const message = '{{ printf "containers with unready status: %v" $names | Quote }}';
  return [
    ...condition('ContainersReady', 'False', 'ContainersNotReady', message),
    ...condition('Ready', 'False', 'ContainersNotReady', message),
  ];
}

function condition(type: string, status: 'True' | 'False', reason = '', message = '""'): string[] {
  return [
    `- type: ${type}`,
    `  status: "${status}"`,
    `  reason: "${reason}"`,
    `  message: ${message}`,
    `  lastTransitionTime: ${keptTime(type, status)}`,
  ];
}

/** The time of the last transition stays when the status stays. */
function keptTime(type: string, status: string): string {
  return [
    '{{ $since := Now }}',
    '{{ range .status.conditions }}',
    `{{ if and (eq .type "${type}") (eq .status "${status}") }}{{ $since = .lastTransitionTime }}{{ end }}`,
    '{{ end }}',
    '{{ $since | Quote }}',
  ].join('');
}

function readinessGates(): string[] {
  return [
    '{{ range .spec.readinessGates }}',
    '- type: {{ .conditionType | Quote }}',
    '  status: "True"',
    '  lastTransitionTime: {{ $now | Quote }}',
    '{{ end }}',
  ];
}

function addresses(field: string, query: string): string[] {
  return [
    // Once only: a second call of the query takes another address, and the list is merged by address.
    `{{ if not .status.${field} }}{{ with ${query} }}`,
    `${field}: {{ index . 0 | Quote }}`,
    `${field}s:`,
    '{{ range . }}',
    '- ip: {{ . | Quote }}',
    '{{ end }}',
    '{{ end }}{{ end }}',
  ];
}

function containers(tags: string, state: ContainerState, isReady: boolean): string[] {
  const well = containerLines({ running: { isSame: true } }, true);
  const fated = containerLines(state, isReady);
  return [
    'containerStatuses:',
    '{{ range $i, $c := .spec.containers }}',
    '{{ $old := index $root.status.containerStatuses $i }}',
    '{{ $count := $old.restartCount | toString | atoi }}',
    '- name: {{ $c.name | Quote }}',
    '  image: {{ $c.image | Quote }}',
    ...(tags === ''
      ? well
      : ['{{ if regexMatch $fated $c.image }}', ...fated, '{{ else }}', ...well, '{{ end }}']),
    '{{ end }}',
    ...initContainers(),
  ];
}

function containerLines(state: ContainerState, isReady: boolean): string[] {
  const isRunning = 'running' in state;
  const hasRun = !('waiting' in state) || state.waiting.isRestart === true;
  return [
    `  ready: ${isReady}`,
    `  started: ${isRunning}`,
    ...(isRunning && state.running.isRestart === true ? ['{{ $count = add1 $count | int }}'] : []),
    '{{ $id := printf "%s/%s/%d" $root.metadata.uid $c.name $count | sha256sum }}',
    '  restartCount: {{ $count }}',
    ...(hasRun
      ? ['  imageID: {{ printf "sha256:%s" ($c.image | sha256sum) | Quote }}']
      : ['  imageID: ""']),
    ...(hasRun ? ['  containerID: {{ printf "containerd://%s" $id | Quote }}'] : []),
    `  state: ${stateOf(state)}`,
    `  lastState: ${lastStateOf(state)}`,
  ];
}

function stateOf(state: ContainerState): string {
  if ('waiting' in state) {
    const { reason, message } = state.waiting;
    return `{ waiting: { reason: ${reason}, message: {{ ${message} | Quote }} } }`;
  }
  if ('running' in state) {
    const since = state.running.isSame === true ? SAME_START : '{{ $now | Quote }}';
    return `{ running: { startedAt: ${since} } }`;
  }
  const { exitCode, reason } = state.terminated;
  return `{ terminated: { exitCode: ${exitCode}, reason: ${reason}, startedAt: ${SAME_START}, finishedAt: {{ $now | Quote }}, containerID: {{ printf "containerd://%s" $id | Quote }} } }`;
}

const SAME_START =
  '{{ if $old.state.running }}{{ $old.state.running.startedAt | Quote }}{{ else }}{{ $now | Quote }}{{ end }}';

/** What ended becomes the last state of what starts or waits; else the last state is kept. */
function lastStateOf(state: ContainerState): string {
  const isNext =
    ('waiting' in state && state.waiting.isRestart === true) ||
    ('running' in state && state.running.isRestart === true);
  const kept = '{{ $old.lastState | toJson }}';
  return isNext
    ? `{{ if $old.state.terminated }}{{ $old.state | toJson }}{{ else }}${kept}{{ end }}`
    : kept;
}

function initContainers(): string[] {
  return [
    '{{ with .spec.initContainers }}',
    'initContainerStatuses:',
    '{{ range . }}',
    '- name: {{ .name | Quote }}',
    '  image: {{ .image | Quote }}',
    '  imageID: {{ printf "sha256:%s" (.image | sha256sum) | Quote }}',
    '  ready: true',
    '  restartCount: 0',
    '{{ if eq (or .restartPolicy "") "Always" }}',
    '  started: true',
    '  state: { running: { startedAt: {{ $now | Quote }} } }',
    '{{ else }}',
    '  started: false',
    '  state: { terminated: { exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }} } }',
    '{{ end }}',
    '{{ end }}',
    '{{ end }}',
  ];
}
