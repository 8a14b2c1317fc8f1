/**
 * What a process of a test is given of the environment: the way to programs and what the run of the tests has set, so
 * that it runs what others have compiled, and finds no aggregator of whoever runs this. A variable that is not set stays
 * so; nothing else of the machine's own gets in.
 */
export function environmentOfRun(): Record<string, string> {
  const names = ['PATH', 'XDG_STATE_HOME', 'NODE_COMPILE_CACHE'];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}
