// Makes this Node pass for one that this package does not run on, down to what is missing there.
'use strict';
Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });
delete Promise.withResolvers;
