import { sqlInjectionPatterns } from '@vigil/semconv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classifySqlInjection } from '../../../../instrumentation/security-blocks/sqli/classify.ts';
import { attacks } from './attacks.ts';
import { lookalikes } from './lookalikes.ts';
import { variants } from './variants.ts';

const all = Object.values(attacks).flat();
/** Those that are not encoded themselves. */
const plain = all.filter((value) => !/[%&]/.test(value));

describe('attacks', () => {
  it.each(Object.entries(attacks))('are found and named: %s', (expected, values) => {
    const named = values.map((value) => [value, classifySqlInjection(value)?.class]);
    expect(named).toEqual(values.map((value) => [value, expected]));
  });

  it('are found in all their variants', () => {
    expect(variants.length).toBeGreaterThan(250);
    expect(variants.filter((value) => classifySqlInjection(value) === undefined)).toEqual([]);
  });

  it('have every class that the registry names', () => {
    expect(Object.keys(attacks).toSorted()).toEqual(sqlInjectionPatterns.toSorted());
  });

  it('give all classes whose signs are there, the naming one first, and a higher score for more', () => {
    const several = classifySqlInjection("1 union select load_file('/etc/hosts'), sleep(5) -- ")!;
    expect(several.class).toBe('time_blind');
    expect(several.classes.toSorted()).toEqual(['comment', 'out_of_band', 'time_blind', 'union']);
    expect(several.score).toBeGreaterThan(classifySqlInjection('1 union select 1')!.score);
  });

  it('score higher when comments hide their words', () => {
    expect(classifySqlInjection('1/**/union/**/select/**/1')!.score).toBeGreaterThan(
      classifySqlInjection('1 union select 1')!.score,
    );
  });
});

describe('look-alikes', () => {
  it.each(Object.entries(lookalikes))('pass: %s', (_, values) => {
    expect(values.filter((value) => classifySqlInjection(value) !== undefined)).toEqual([]);
  });
});

describe('any string', () => {
  const pieces = fc.constantFrom(
    ...'\'"`();,#-/*=<>|&!%\\@$ \n\0+.[]{}:~^?'.split(''),
    ...plain.join(' ').split(/\s+/),
  );
  const strings = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 2000 }),
    fc.array(pieces, { maxLength: 300 }).map((parts) => parts.join('')),
    fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join(' ')),
  );

  it('has an answer, of known classes and within the bounds of the score', () => {
    fc.assert(
      fc.property(strings, (value) => {
        const attempt = classifySqlInjection(value);
        if (attempt === undefined) return;
        expect(attempt.score).toBeGreaterThanOrEqual(5);
        expect(attempt.score).toBeLessThanOrEqual(10);
        expect(attempt.classes[0]).toBe(attempt.class);
        expect(new Set(attempt.classes).size).toBe(attempt.classes.length);
        for (const one of attempt.classes) expect(sqlInjectionPatterns).toContain(one);
      }),
    );
  });

  it('has the same answer each time', () => {
    fc.assert(
      fc.property(strings, (value) => {
        expect(classifySqlInjection(value)).toEqual(classifySqlInjection(value));
      }),
    );
  });

  it('of letters, digits, blanks and points alone that no keyword is in passes', () => {
    const words = fc.stringMatching(/^[b-z0-9.:_/-]{1,12}$/).filter((word) => !/[eo]|--|xp|is|div|in/.test(word));
    fc.assert(
      fc.property(fc.array(words, { maxLength: 40 }), (parts) => {
        expect(classifySqlInjection(parts.join(' '))).toBeUndefined();
      }),
    );
  });
});

describe('what hides an attack', () => {
  const attack = fc.constantFrom(...plain);
  const same = (value: string, hidden: string) =>
    expect([hidden, classifySqlInjection(hidden)?.class]).toEqual([hidden, classifySqlInjection(value)?.class]);

  it('case does not', () => {
    const cased = attack.chain((value) =>
      fc.infiniteStream(fc.boolean()).map((upper) => {
        const flips = upper[Symbol.iterator]();
        return [
          value,
          value.replace(/[a-z]/gi, (c) => (flips.next().value ? c.toUpperCase() : c.toLowerCase())),
        ] as const;
      }),
    );
    fc.assert(
      fc.property(cased, ([value, hidden]) => {
        same(value, hidden);
      }),
    );
  });

  it('percent-encoding does not, once or twice', () => {
    const encode = (value: string) =>
      [...Buffer.from(value)].map((b) => `%${b.toString(16).padStart(2, '0')}`).join('');
    fc.assert(
      fc.property(attack, fc.boolean(), (value, twice) => {
        const once = encode(value);
        // Three characters for one: what is cut off is another matter.
        fc.pre(once.length * (twice ? 3 : 1) <= 1024);
        same(value, twice ? encodeURIComponent(once) : once);
      }),
    );
  });

  it('blanks of any kind, and comments in their place, do not', () => {
    const blanks = ['\t', '\n', '\r\n', '\v', '\f', '  ', '\u00a0', '\u3000', ' /**/ ', '/*x*/', '/**/', '/*!*/'];
    const hidden = plain
      .filter((value) => !/[#\n]|--|\/\*/.test(value))
      .flatMap((value) => blanks.map((blank) => value.trim().replaceAll(' ', blank)));
    expect(hidden.length).toBeGreaterThan(1000);
    expect(hidden.filter((value) => classifySqlInjection(value) === undefined)).toEqual([]);
  });

  it('full-width letters and curly quotes do not', () => {
    fc.assert(
      fc.property(attack, (value) => {
        const wide = value.replace(/[a-z0-9=()]/gi, (c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0));
        same(value, wide.replaceAll("'", '\u2019'));
      }),
    );
  });

  const quoted = all.filter((value) => /^x?'/.test(value) && classifySqlInjection(value)!.class !== 'comment');
  const word = fc.stringMatching(/^[a-z]{1,9}$/);
  const found = (hidden: string) =>
    expect([hidden, classifySqlInjection(hidden) !== undefined]).toEqual([hidden, true]);

  it('a word before the quote does not', () => {
    expect(quoted.length).toBeGreaterThan(90);
    fc.assert(
      fc.property(fc.constantFrom(...quoted), word, (value, before) => {
        found(`${before}${value}`);
      }),
    );
  });

  it('many words do not, where the signs are more than just enough', () => {
    const sure = quoted.filter((value) => classifySqlInjection(value)!.score > 5);
    expect(sure.length).toBeGreaterThan(70);
    fc.assert(
      fc.property(fc.constantFrom(...sure), fc.array(word, { minLength: 2, maxLength: 8 }), (value, before) => {
        found(`${before.join(' ')}${value}`);
      }),
    );
  });

  it('a long value does not: its beginning and its end are looked at', () => {
    const filler = 'lorem ipsum dolor '.repeat(200);
    for (const value of ["' or 1=1 -- ", '1 union select 1 -- ', "x'; drop table members -- "]) {
      expect(classifySqlInjection(`${value}${filler}`)).toBeDefined();
      if (value.includes("'")) expect(classifySqlInjection(`${filler}${value}`)).toBeDefined();
    }
  });
});
