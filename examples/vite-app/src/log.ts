/** Speaks up outside production only; production bundles carry none of it. */
export function debug(message: string): void {
  if (process.env.NODE_ENV !== "production") {
    console.debug(`trail-log-debug: ${message}`);
  }
}

declare const process: { env: { NODE_ENV: string } };
