// Says in one clear line what is missing when the Node that runs this is too old; prints nothing otherwise.
// Plain CommonJS without modern syntax, so that any Node can read it.
'use strict';
var major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  console.error(
    'Vigil needs Node 24 or newer, and this is ' +
      process.version +
      ' (' +
      process.platform +
      ' ' +
      process.arch +
      ').\n' +
      'On Linux (x64, arm64) and Windows (x64) `npm ci` brings Node 24 along: run it again without --omit=optional.\n' +
      'On any other platform install Node 24 and put it first on the PATH.',
  );
  process.exit(1);
}
