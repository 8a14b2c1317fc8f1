import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_VALUE_LENGTH, sanitise } from '../../../aggregator/otlp/sanitiser.ts';

/** What must not be stored, and what is stored in its place. */
const taken: readonly (readonly [what: string, value: string, kept: string])[] = [
  ['e-mail address', 'bob@example.com', '[email]'],
  ['e-mail address with a tag', 'bob.builder+news@mail.example.co.uk', '[email]'],
  ['e-mail address in a text', 'no such user: bob@example.com!', 'no such user: [email]!'],
  ['e-mail address in angle brackets', 'Bob <bob@example.com>', 'Bob <[email]>'],
  ['e-mail address with an escaped sign', 'user=bob%40example.com', 'user=[email]'],
  ['e-mail address with umlauts', 'jürgen@müller.example', '[email]'],
  ['two e-mail addresses', 'a@b.example, c@d.example', '[email], [email]'],
  ['phone number, E.164', '+14155550132', '[phone]'],
  ['phone number, international with spaces', '+49 151 2345 6789', '[phone]'],
  ['phone number, international with brackets', '+44 (0)20 7946 0958', '[phone]'],
  ['phone number, international with a double zero', '0049 151 23456789', '[phone]'],
  ['phone number, brackets', '(415) 555-0132', '[phone]'],
  ['phone number, brackets without a space', '(415)555-0132', '[phone]'],
  ['phone number, hyphens', '415-555-0132', '[phone]'],
  ['phone number, dots', '415.555.0132', '[phone]'],
  ['phone number, spaces', '415 555 0132', '[phone]'],
  ['phone number, with a trunk 1', '1-415-555-0132', '[phone]'],
  ['phone number, national in pairs', '01 23 45 67 89', '[phone]'],
  ['phone number, national with a slash', '0151/23456789', '[phone]'],
  ['phone number, national with spaces', '020 7946 0958', '[phone]'],
  ['phone number, bare', '4155550132', '[number]'],
  ['phone number behind a name', 'caller_4155550132', 'caller_[number]'],
  ['phone number in full-width digits', '\uff14\uff11\uff15\uff15\uff15\uff15\uff10\uff11\uff13\uff12', '[number]'],
  ['phone number in Arabic digits', '٤١٥٥٥٥٠١٣٢', '[number]'],
  ['card number', '4111111111111111', '[card]'],
  ['card number with spaces', 'card 4111 1111 1111 1111 refused', 'card [card] refused'],
  ['card number with hyphens', '5500-0055-5555-5559', '[card]'],
  ['card number of 15 digits', '378282246310005', '[card]'],
  ['long number that is no card', '4111111111111112', '[number]'],
  ['social-security number', '078-05-1120', '[ssn]'],
  ['social-security number with spaces', 'ssn 078 05 1120', 'ssn [ssn]'],
  ['social-security number, bare', '078051120', '[number]'],
  ['IBAN', 'DE89370400440532013000', '[iban]'],
  ['IBAN with spaces', 'GB82 WEST 1234 5698 7654 32', '[iban]'],
  ['JWT', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U', '[token]'],
  ['bearer token', 'Bearer 2YotnFZFEjr1zCsicMWpAA', '[token]'],
  ['bearer token of letters', 'authorization: bearer abcdefghijklmnopqrstuvwxyzabcd', 'authorization: [token]'],
  ['basic credentials', 'Basic dXNlcjpwYXNzd29yZDE=', '[token]'],
  ['provider key', 'sk_live_4eC39HqLyjWDarjtT1zdp7dc', '[token]'],
  ['access key', 'AKIAIOSFODNN7EXAMPLE', '[token]'],
  ['UUID', 'order-6f1c2a34-8b1d-4a5e-9d3f-100000000000', 'order-[uuid]'],
  ['trace id', '4bf92f3577b34da6a3ce929d0e0e4736', '[hex]'],
  ['span id', '00f067aa0ba902b7', '[hex]'],
  ['SHA-1', 'da39a3ee5e6b4b0d3255bfef95601890afd80709', '[hex]'],
  ['hex in capitals', 'key DA39A3EE5E6B4B0D3255', 'key [hex]'],
  ['base64', 'c2VjcmV0IG1lc3NhZ2Ugb2YgYm9i', '[base64]'],
  ['base64 with padding', 'aGVsbG8gd29ybGQhIQ==', '[base64]'],
  ['URL-safe base64', 'dBjftJeZ4CVPmB92K27uhbUJU1p1r_wW1gFWFOEjXk', '[base64]'],
  ['password hash', 'x5J8kQ2vN7mT4pL9wR3zY6bH', '[base64]'],
  ['long value', 'a '.repeat(65), '[long]'],
];

/** What names, codes, patterns, versions and machines look like. */
const plain: readonly string[] = [
  '',
  'TaskTourUpdate',
  'SecureFileUploadMutation',
  'LoginUser',
  'createOrUpdateCustomerShippingAddressAndNotifyWarehouse',
  'resetPassword2',
  'updateV2ProductPriceFor2024Campaign',
  'PERMISSION_DENIED',
  'GRAPHQL_VALIDATION_FAILED',
  'PERSISTED_QUERY_NOT_SUPPORTED',
  'ERR_HTTP2_STREAM_SELF_DEPENDENCY',
  'INTERNAL_SERVER_ERROR',
  'ECONNREFUSED',
  'HTTP_503',
  '_OTHER',
  '_other',
  'auto_close_jobs',
  'billing.invoices.send_reminders_v2',
  'app.tasks.nightly-report',
  'email-digest:daily',
  'order:{id}:capture',
  'boolean_blind',
  'stacked_queries',
  'redis',
  'aws.dynamodb',
  '1.2.3',
  '1.2.3-rc.1+20240115',
  '2024.01.15',
  '20240115',
  'v0.0.0-20240115123456-abcdef123456',
  '2024-01-15T10:20:30Z',
  '2024-01-15T10:20:30.123+02:00',
  '4.18.2',
  '10.0.3.12',
  '192.168.100.200',
  '2001:db8::7334',
  'ip-192-168-100-200.eu-west-1.compute.internal',
  'checkout-7d9f8b6c5d-x2x8z',
  'fe80::1ff:fe23:4567:890a',
  '@vigil/mutations',
  '@opentelemetry/instrumentation-graphql',
  'lodash@4.17.21',
  'root@localhost',
  '/usr/local/lib/node_modules/@opentelemetry/auto-instrumentations-node/build/src/register.js',
  'https://opentelemetry.io/schemas/1.37.0',
  'Node.js v24.21.0',
  'TypeError',
  'PrismaClientKnownRequestError',
  'Bearer authentication failed',
  'token validation',
  'Überweisung',
  '作成する',
];

describe('taken out', () => {
  test.each(taken)('%s', (_, value, kept) => {
    expect(sanitise(value)).toBe(kept);
  });
});

test.each(plain)('passes unharmed: %s', (value) => {
  expect(sanitise(value)).toBe(value);
});

test('the longest value that is kept', () => {
  const words = 'word '.repeat(26).slice(0, MAX_VALUE_LENGTH);
  expect(sanitise(words)).toBe(words);
  expect(sanitise(`${words}x`)).toBe('[long]');
});

const separator = fc.constantFrom('', ' ', ': ', ' - ', '=', '/', ',');
const secret = fc.constantFrom(...taken.map(([, value]) => value).filter((value) => value.length < 60));
const word = fc.constantFrom('user', 'order', 'Refused', 'task_name', 'NOT_FOUND', 'v1', 'état');

test('nothing of a secret is left, whatever stands around it, and a second time changes nothing', () => {
  fc.assert(
    fc.property(
      word,
      separator.filter((s) => s !== ''),
      secret,
      separator.filter((s) => s !== ''),
      word,
      (a, s1, value, s2, b) => {
        const once = sanitise(`${a}${s1}${value}${s2}${b}`);
        expect(once).not.toContain(value);
        expect(once).toMatch(/\[(?:email|phone|number|card|ssn|iban|token|uuid|hex|base64|long)\]/);
        expect(sanitise(once)).toBe(once);
      },
    ),
    { numRuns: 2000 },
  );
});

test('random bytes are always seen in hex, and 39 times of 40 in base64', () => {
  let missed = 0;
  for (let i = 0; i < 2000; i++) {
    const bytes = createHash('sha512')
      .update(String(i))
      .digest()
      .subarray(0, 18 + (i % 46));
    expect(sanitise(bytes.toString('hex'))).toBe('[hex]');
    for (const encoding of ['base64', 'base64url'] as const)
      if (sanitise(bytes.toString(encoding)) === bytes.toString(encoding)) missed++;
  }
  expect(missed).toBeLessThan(100);
});

test('identifiers of words pass, however they are joined', () => {
  const words = ['create', 'update', 'user', 'order', 'line', 'item', 'address', 'password', 'for', 'by', 'id', 'all'];
  const parts = fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(parts, fc.nat({ max: 99 }), (list, number) => {
      const capital = list.map((part) => part[0].toUpperCase() + part.slice(1));
      for (const name of [
        capital.join(''),
        list.join('_'),
        list.join('-'),
        list.join('.'),
        list.join('_').toUpperCase(),
      ]) {
        expect(sanitise(name)).toBe(name);
        expect(sanitise(`${name}${number}`)).toBe(`${name}${number}`);
      }
    }),
    { examples: [[['create', 'by', 'by', 'id', 'id', 'all'], 0]] },
  );
});

test('hostile values cost no more than a few milliseconds', () => {
  const values = [
    'a@'.repeat(64),
    '0 '.repeat(64),
    '(1'.repeat(64),
    'GB82 '.repeat(25),
    '+1'.repeat(64),
    'a.'.repeat(64),
    '-'.repeat(128),
    `${'a'.repeat(63)}@${'a.'.repeat(32)}`,
  ];
  // Microseconds of this thread: others on the machine do not count.
  const before = process.threadCpuUsage();
  for (const value of values) for (let i = 0; i < 20; i++) sanitise(value);
  expect(process.threadCpuUsage(before).user).toBeLessThan(500_000);
});
