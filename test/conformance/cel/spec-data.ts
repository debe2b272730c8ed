// SPDX-License-Identifier: Apache-2.0
import { tests } from '@bufbuild/cel-spec/testdata/conformance.js';

/** The conformance tests of cel-spec as JSON, from the package that @bufbuild/cel is tested with. */
export interface Suite {
  readonly name: string;
  readonly suites?: readonly Suite[];
  readonly tests?: readonly { readonly original: SpecTest }[];
}

export interface SpecTest {
  readonly name?: string;
  readonly expr: string;
  readonly disableCheck?: boolean;
  readonly typeEnv?: readonly { readonly name: string; readonly ident?: { type: SpecType } }[];
  readonly bindings?: Readonly<Record<string, { readonly value: SpecValue }>>;
  readonly value?: SpecValue;
  readonly typedResult?: { readonly result?: SpecValue };
  readonly evalError?: unknown;
  readonly unknown?: unknown;
  readonly anyUnknowns?: unknown;
}

export interface SpecType {
  readonly primitive?: string;
  readonly messageType?: string;
  readonly wellKnown?: string;
}

export interface SpecValue {
  readonly int64Value?: string;
  readonly uint64Value?: string;
  readonly doubleValue?: number | string;
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly bytesValue?: string;
  readonly typeValue?: string;
  readonly listValue?: { readonly values?: readonly SpecValue[] };
  readonly mapValue?: {
    readonly entries?: readonly { readonly key: SpecValue; readonly value: SpecValue }[];
  };
  readonly objectValue?: { readonly '@type': string; readonly value: string };
}

export const SPEC: Suite = tests;
