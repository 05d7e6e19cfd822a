// The files of a folder and of the folders in it.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Every file, by its path in the folder, sorted. */
export const filesOf = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1))
    .sort();
