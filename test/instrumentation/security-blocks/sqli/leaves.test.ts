import fc from 'fast-check';
import { parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { walkGraphql } from '../../../../instrumentation/security-blocks/sqli/graphql-leaves.ts';
import { type HttpParts, walkHttp } from '../../../../instrumentation/security-blocks/sqli/http-leaves.ts';
import { MAX_VALUES, type Walk, walkLeaves } from '../../../../instrumentation/security-blocks/sqli/leaves.ts';

/** Every visited value, by place and name. */
function visited(over: (walk: Walk) => void, skips?: Parameters<typeof walkLeaves>[1]): string[] {
  const seen: string[] = [];
  over(
    walkLeaves((place, name, value) => {
      seen.push(`${place} ${name} = ${value}`);
      return true;
    }, skips),
  );
  return seen;
}

const ofBody = (body: unknown) => visited((walk) => walk.over('body', '', body));
const ofHttp = (parts: Partial<HttpParts>, headers: readonly string[] = []) =>
  visited((walk) => walkHttp(walk, { url: '/', header: () => undefined, ...parts }, headers));

describe('fields', () => {
  it('are named by their way, without the positions in lists', () => {
    expect(ofBody({ a: 'x', b: { c: ['y', { d: 'z' }] }, n: 1, t: true, u: null })).toEqual([
      'body a = x',
      'body b.c = y',
      'body b.c.d = z',
    ]);
  });

  it('within a text of JSON are looked at, the text is not', () => {
    expect(ofBody({ filter: '{"name":"x","or":[{"age":"1"}]}', odd: "{'a'}", list: '["p"]' })).toEqual([
      'body filter.name = x',
      'body filter.or.age = 1',
      "body odd = {'a'}",
      'body list = p',
    ]);
  });

  const secrets = ['password', 'newPassword', 'user_passwd', 'passphrase', 'pass', 'pwd', 'clientSecret', 'csrf_token'];
  const moreSecrets = [
    'accessToken',
    'Authorization',
    'api_key',
    'apiKey',
    'privateKey',
    'session',
    'sid',
    'otp',
    'pin',
  ];
  it.each([...secrets, ...moreSecrets])('named like a secret are left alone: %s', (name) => {
    expect(ofBody({ [name]: 'x', outer: { [name]: { deep: 'y' } } })).toEqual([]);
    expect(ofHttp({ url: `/?${name}=x`, header: (h) => (h === 'cookie' ? `${name}=y` : undefined) })).toEqual([]);
  });

  it.each(['compass', 'passenger', 'pint', 'spin', 'side', 'optional', 'monkey', 'name'])(
    'of other names are looked at: %s',
    (name) => {
      expect(ofBody({ [name]: 'x' })).toEqual([`body ${name} = x`]);
    },
  );

  it('that the application names are left alone', () => {
    const skips = (place: string, name: string) => place === 'body' && name === 'sql';
    expect(visited((walk) => walk.over('body', '', { sql: 'x', a: { sql: 'y', b: 'z' } }), skips)).toEqual([
      'body a.b = z',
    ]);
  });
});

describe('bounds', () => {
  it('hold for any value', () => {
    fc.assert(
      fc.property(fc.anything({ maxDepth: 6, withNullPrototype: true }), (value) => {
        expect(ofBody(value).length).toBeLessThanOrEqual(MAX_VALUES);
      }),
    );
  });

  it('end the walk at 200 values', () => {
    const wide = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`f${i}`, 'x']));
    expect(ofBody(wide)).toHaveLength(MAX_VALUES);
    expect(ofBody(Array.from({ length: 1000 }, () => 'x'))).toHaveLength(MAX_VALUES);
    expect(ofHttp({ url: `/?${'a=b&'.repeat(1000)}` })).toHaveLength(MAX_VALUES);
  });

  it('end it in what holds no text, or holds itself', () => {
    const circle: Record<string, unknown> = { a: 'x' };
    circle['self'] = circle;
    expect(ofBody(circle).length).toBeLessThan(20);
    // Microseconds of this thread: others on the machine do not count.
    const before = process.threadCpuUsage();
    expect(ofBody(Array.from({ length: 1_000_000 }, () => 1))).toEqual([]);
    expect(ofBody('['.repeat(10_000) + ']'.repeat(10_000))).toEqual([]);
    expect(process.threadCpuUsage(before).user).toBeLessThan(2_000_000);
  });
});

describe('an HTTP request', () => {
  it('has a path, a query, a body, cookies, and the headers that are named', () => {
    const headers: Record<string, string> = { cookie: 'a=1%20or; b = "2"', referer: '/x', 'user-agent': 'U' };
    const seen = ofHttp(
      { url: '/p%27/q?x=1+2&y=%27&x=3#f', header: (name) => headers[name.toLowerCase()], body: { z: 'w' } },
      ['Referer'],
    );
    expect(seen).toEqual([
      'query x = 1 2',
      "query y = '",
      'query x = 3',
      'body z = w',
      'cookie a = 1 or',
      'cookie b = "2"',
      'header referer = /x',
      "path 1 = p'",
      'path 2 = q',
    ]);
  });

  it('may hold a GraphQL request, whose document is not looked at', () => {
    const query = '# who\nquery Who($n: String) { user(name: $n, or: "x") { id } }';
    expect(ofHttp({ body: { query, operationName: 'Who', variables: { n: "x'" } } })).toEqual([
      'body operationName = Who',
      "body variables.n = x'",
    ]);
    expect(ofHttp({ body: [{ query: '{ a }', variables: { n: 'y' } }] })).toEqual(['body variables.n = y']);
    expect(
      ofHttp({ url: `/?query=${encodeURIComponent(query)}&variables=${encodeURIComponent('{"n":"z"}')}` }),
    ).toEqual(['query variables.n = z']);
  });

  it('may have a search named query, which is looked at', () => {
    expect(ofHttp({ body: { query: "x' or 1=1 -- " }, url: '/?query=mutation' })).toEqual([
      'query query = mutation',
      "body query = x' or 1=1 -- ",
    ]);
  });

  it('may be encoded wrongly', () => {
    expect(ofHttp({ url: '/%zz?a=%', header: () => 'c=%' })).toEqual(['query a = %', 'cookie c = %', 'path 1 = %zz']);
  });

  it('has a body of bytes that is none of ours', () => {
    expect(ofHttp({ body: Buffer.from('a=b') })).toEqual([]);
  });
});

describe('a GraphQL request', () => {
  const ofGraphql = (text: string, variables?: unknown) => visited((walk) => walkGraphql(walk, parse(text), variables));

  it('has variables and literals, wherever they stand', () => {
    const text = `query Q($d: String = "e") @tag(label: "t") {
      user(name: "a", where: { or: [{ city: "b" }, { zip: """c""" }] }, password: "p", n: 1, e: EN) {
        posts(filter: "f") { id }
        ...F
      }
    }
    fragment F on User { avatar(size: "g") }`;
    expect(ofGraphql(text, { d: 'h', input: { secret: 's', list: ['i'] } }).toSorted()).toEqual(
      [
        'variable d = h',
        'variable input.list = i',
        ...['d = e', 'label = t', 'name = a', 'where.or.city = b', 'where.or.zip = c', 'filter = f', 'size = g']
          .map((literal) => `literal ${literal}`)
          .toSorted(),
      ].toSorted(),
    );
  });

  it('may have more than is looked at', () => {
    const text = `{ ${Array.from({ length: 3000 }, (_, i) => `a${i}: f(x: "y")`).join(' ')} }`;
    expect(ofGraphql(text)).toHaveLength(MAX_VALUES);
    const deep = `{ ${'a { '.repeat(500)} b ${'}'.repeat(500)} }`;
    expect(ofGraphql(deep)).toEqual([]);
  });
});
