// Makes this Node pass for one whose synchronous hooks must not be used.
'use strict';
Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '22.15.0' } });
