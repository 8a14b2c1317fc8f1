/** One scenario with the libraries of this folder, as CommonJS. */
const { run } = require('../task-locks/scenarios.cjs');

void run(async (name) => require(name));
