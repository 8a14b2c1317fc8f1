/** How often it is looked whether the starter is still there. */
const LOOK_EVERY_MS = 500;

/** Read as early as can be: it may be gone as soon as the service says that it listens. */
const starter = process.ppid;

/**
 * Under `npm start` a signal to npm ends npm and its shell and never reaches the service, which would stay with its port.
 * Calls `gone` once when that shell is gone; started in any other way, never.
 */
export function whenStarterIsGone(gone: () => void): void {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const look = setInterval(() => {
    if (process.ppid === starter) return;
    clearInterval(look);
    gone();
  }, LOOK_EVERY_MS);
  look.unref();
}
