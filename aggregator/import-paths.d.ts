/**
 * From here on an import of a relative path with its extension is that path, joined to where it stands: Node looks up the
 * file, its links and its package for each of a thousand imports, a sixth of a start's processor time. For loading what we
 * know: a file that is a link is not followed, and one that is missing is told by the system's error.
 * @returns ends that
 */
export function joinImportPaths(): () => void;
