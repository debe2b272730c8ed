// SPDX-License-Identifier: Apache-2.0
import ts from 'typescript';

/** A declaration whose name was replaced by another term. */
export interface RetiredName {
  readonly line: number;
  readonly name: string;
  readonly successor: string;
}

type Names = Readonly<Record<string, string>>;

/** The names in force for a file: those of its folder, and those that are retired everywhere. */
export const namesFor = (retired: Readonly<Record<string, Names>>, path: string): Names =>
  Object.fromEntries(
    Object.entries(retired)
      .filter(([folder]) => folder === '' || path.startsWith(`${folder}/`))
      .flatMap(([, names]) => Object.entries(names)),
  );

/** Declarations with a retired name. Uses need no check: each has a declaration somewhere. */
export function findRetired(text: string, names: Names): RetiredName[] {
  const source = ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest, true);
  const found: RetiredName[] = [];
  const visit = (node: ts.Node): void => {
    const name = declaredName(node);
    const successor = name && Object.hasOwn(names, name.text) ? names[name.text] : undefined;
    if (name !== undefined && successor !== undefined) {
      const { line } = source.getLineAndCharacterOfPosition(name.getStart());
      found.push({ line: line + 1, name: name.text, successor });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function declaredName(node: ts.Node): ts.Identifier | ts.PrivateIdentifier | undefined {
  if (!isDeclaration(node) || node.name === undefined) return undefined;
  return ts.isIdentifier(node.name) || ts.isPrivateIdentifier(node.name) ? node.name : undefined;
}

type Declaration =
  | ts.ClassElement
  | ts.TypeElement
  | ts.DeclarationStatement
  | ts.VariableDeclaration
  | ts.ParameterDeclaration
  | ts.BindingElement;

const isDeclaration = (node: ts.Node): node is Declaration =>
  ts.isClassElement(node) ||
  ts.isTypeElement(node) ||
  ts.isFunctionDeclaration(node) ||
  ts.isClassDeclaration(node) ||
  ts.isInterfaceDeclaration(node) ||
  ts.isTypeAliasDeclaration(node) ||
  ts.isVariableDeclaration(node) ||
  ts.isParameter(node) ||
  ts.isBindingElement(node);
