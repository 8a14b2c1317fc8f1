/** An application that mutates until it is told to end, and then tells how often it did. Run with our registration. */
import { setTimeout as sleep } from 'node:timers/promises';
import { buildSchema, graphql } from 'graphql';

const schema = buildSchema('type Query { a: Int } type Mutation { login: Int, pay: Int }');
let isEnding = false;
let count = 0;
process.once('message', () => {
  isEnding = true;
});
while (!isEnding) {
  const field = count % 3 === 0 ? 'pay' : 'login';
  await graphql({ schema, source: `mutation { ${field} }`, rootValue: { login: () => 1, pay: () => 2 } });
  count++;
  if (count === 1) process.send?.('begun');
  await sleep(5);
}
process.send?.(count);
// The registration exports what is left at the natural end.
process.disconnect();
