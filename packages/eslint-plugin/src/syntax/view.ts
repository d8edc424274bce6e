/** What following a value needs to know of a node; everything else is `other`. */
export type View<N> =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'this' }
  | { readonly kind: 'member'; readonly object: N; readonly property: string }
  | { readonly kind: 'call' | 'new'; readonly callee: N; readonly arguments: readonly N[] }
  | { readonly kind: 'wrapped'; readonly inner: N }
  | { readonly kind: 'await'; readonly inner: N }
  | { readonly kind: 'logical'; readonly operator: '&&' | '||' | '??'; readonly left: N; readonly right: N }
  | { readonly kind: 'not' | 'typeof'; readonly operand: N }
  | { readonly kind: 'equal'; readonly negated: boolean; readonly left: N; readonly right: N }
  | { readonly kind: 'in'; readonly property: N; readonly object: N }
  | {
      readonly kind: 'conditional'
      readonly test: N
      readonly consequent: N
      readonly alternate: N | undefined
    }
  | { readonly kind: 'block'; readonly statements: readonly N[] }
  | { readonly kind: 'exit'; readonly isBreak: boolean; readonly isReturn: boolean }
  | {
      readonly kind: 'try'
      readonly block: N
      readonly handler: N | undefined
      readonly finalizer: N | undefined
    }
  | { readonly kind: 'switch'; readonly cases: readonly (readonly N[])[]; readonly hasDefault: boolean }
  | { readonly kind: 'assignment'; readonly left: N; readonly right: N }
  | {
      readonly kind: 'object'
      readonly properties: ReadonlyMap<string, N>
      /** What is spread before them, where they are all that may override it. */
      readonly base: N | undefined
      /** Whether it may have properties that are not in `properties`. */
      readonly isOpen: boolean
    }
  | { readonly kind: 'literal'; readonly value: string | boolean | null | undefined }
  /** A template with holes: the stretches between them. */
  | { readonly kind: 'template'; readonly texts: readonly [string, ...string[]] }
  | { readonly kind: 'array'; readonly elements: readonly N[] }
  | { readonly kind: 'spread' }
  | { readonly kind: 'function'; readonly fieldsByParameter: ReadonlyMap<string, number> }
  | { readonly kind: 'class' }
  | { readonly kind: 'other' }
