/** A query glued together from what a client sends, on Node's own SQLite, behind Aikido's firewall. */
process.env.AIKIDO_BLOCK = 'true';
require('@aikidosec/firewall');
const { createServer } = require('node:http');
const { DatabaseSync } = require('node:sqlite');
const { announce } = require('../announce.cjs');

const database = new DatabaseSync(':memory:');
database.exec('CREATE TABLE users (name TEXT)');
const server = createServer((request, response) => {
  const name = new URL(request.url, 'http://localhost').searchParams.get('name');
  try {
    database.exec(`SELECT * FROM users WHERE name = '${name}'`);
    response.end('well');
  } catch (error) {
    response.writeHead(500).end(error.message);
  }
});
server.listen(0, '127.0.0.1', () => announce({ aikido: server.address().port }));
