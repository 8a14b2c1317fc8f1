/** Whether this package can run here at all. It imports nothing, so that an old Node gets as far as being told. */

/** As `engines` in the manifest says. */
export const OLDEST_NODE = '22.15';

/** @param version such as `22.15.0` */
export function isNodeTooOld(version: string = process.versions.node): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE.split('.').map(Number);
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
}
