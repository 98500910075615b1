/** Adds to an object what another has, getters as getters: `Object.assign` would read them once and for all. */
export function extend<A extends object, B extends object>(target: A, source: B): A & B {
  return Object.defineProperties(target, Object.getOwnPropertyDescriptors(source)) as A & B;
}
