/** One scenario with the libraries of this folder, as ES modules. */
import scenarios from '../task-locks/scenarios.cjs';

await scenarios.run((name) => import(name));
