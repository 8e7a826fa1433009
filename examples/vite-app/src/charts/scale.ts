/** Maps `0..=highest` of the values to `0..=size`. */
export function linearScale(values: readonly number[], size: number): (value: number) => number {
  const highest = Math.max(1, ...values);
  return (value) => (value / highest) * size;
}
