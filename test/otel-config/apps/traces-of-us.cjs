// Prints what a registration leaves behind in the process.
'use strict';
const listeners = ['SIGTERM', 'SIGINT', 'beforeExit'].reduce((sum, event) => sum + process.listenerCount(event), 0);
console.log(JSON.stringify({ listeners, api: Symbol.for('opentelemetry.js.api.1') in globalThis }));
