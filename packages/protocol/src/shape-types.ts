import type { Field, FieldShape, MessageShape } from './shape.ts';

/** The TypeScript type that a field's shape admits. */
type ValueOf<S> = S extends { kind: 'literal'; value: infer V }
  ? V
  : S extends { kind: 'string' }
    ? string
    : S extends { kind: 'oneOf'; values: readonly (infer V)[] }
      ? V
      : S extends { kind: 'integer' }
        ? number
        : S extends { kind: 'boolean' }
          ? boolean
          : S extends { kind: 'json' }
            ? unknown
            : S extends { kind: 'list'; of: infer O }
              ? readonly ItemOf<O>[]
              : never;

type ItemOf<O> = O extends MessageShape ? MessageOf<O> : O extends FieldShape ? ValueOf<O> : never;

type RequiredNames<F> = { [K in keyof F]: F[K] extends { optional: false } ? K : never }[keyof F];
type OptionalNames<F> = { [K in keyof F]: F[K] extends { optional: true } ? K : never }[keyof F];
type ShapeAt<F, K extends keyof F> = F[K] extends Field ? F[K]['shape'] : never;

/** The message type that a shape describes. */
export type MessageOf<M extends MessageShape> = {
  readonly [K in RequiredNames<M['fields']>]: ValueOf<ShapeAt<M['fields'], K>>;
} & {
  readonly [K in OptionalNames<M['fields']>]?: ValueOf<ShapeAt<M['fields'], K>> | undefined;
};
