/**
 * Takes personal data and secrets out of text before anything is stored. It errs on the side of taking out: what may
 * stand in a name, an error code, a pattern or a version passes, and whatever looks like it was made for one person or
 * one secret is replaced by a placeholder, the text around it kept.
 *
 * Names of persons and postal addresses cannot be told from other words and are not looked for: attributes are allowed
 * to hold values of bounded sets only.
 */

/** Longest value that is kept, in UTF-16 units. */
export const MAX_VALUE_LENGTH = 128;

/** Fewest digits in anything that the rules about numbers take out: a phone number with its area code. */
const FEWEST_DIGITS = 7;
/** Shortest run of letters and digits that can be a secret. */
const SHORTEST_RUN = 16;
/** What stands between two separators in a name that a machine made, such as a pod's, is shorter. */
const SHORTEST_CHUNK = 12;

/** Words joined by their capitals, however short each is (`findByIdOrAll2`): one random text of 24 characters in 10,000 is of that shape. */
const CAPITALISED_WORDS = /^[a-z]*(?:[A-Z][a-z]+)*\d{0,3}$/;

interface Rule {
  readonly placeholder: string;
  readonly pattern: RegExp;
  /** Whether what the pattern found is meant. */
  readonly isMeant?: (found: string) => boolean;
}

/** In this order: an earlier rule's placeholder holds nothing that a later one looks for. */
const RULES: readonly Rule[] = [
  { placeholder: '[email]', pattern: /[^\s@<>"'(),:;[\]|=&?/\\]+(?:@|%40)(?:[\p{L}\p{N}-]+\.)+\p{L}[\p{L}\p{N}-]*/giu },
  { placeholder: '[token]', pattern: /\beyJ[\w-]{5,}(?:\.[\w-]*){1,4}/g },
  {
    placeholder: '[token]',
    pattern: /\b(?:bearer|basic|apikey|api-key|token)[\s:=]+([\w.~+/-]{8,}=*)/gi,
    isMeant: (found) => /\d/.test(found) || /\S{24}/.test(found),
  },
  {
    placeholder: '[token]',
    pattern: /\b(?:sk|pk|rk|gh[opsur]|xox[abprs]|glpat|AKIA|ASIA|AIza)[_-]?[\w-]{14,}/g,
    isMeant: hasDigit,
  },
  {
    placeholder: '[secret]',
    pattern: /\b(?:pass(?:word|wd|phrase)?|pwd|secret|sid|session(?:_?id)?|cookie)\s*(?:=|:\s)\s*[^\s,;&]+/gi,
  },
  { placeholder: '[uuid]', pattern: /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/gi },
  { placeholder: '[iban]', pattern: /\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{2,4}){2,8}\b/gi, isMeant: beginsWithIban },
  { placeholder: '[hex]', pattern: /(?=\d*[a-f])[0-9a-f]{16,}/gi },
  { placeholder: '[card]', pattern: /(?<!\d)\d(?:[ ./_-]?\d){12,}(?!\d)/g, isMeant: holdsCardNumber },
  { placeholder: '[ssn]', pattern: /(?<![\d-])(?!000|666)[0-8]\d{2}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\d-])/g },
  { placeholder: '[phone]', pattern: /(?<![\w.])\+[ (]{0,2}\d(?:[ ()./_-]{0,3}\d){6,14}(?!\d)/g },
  { placeholder: '[phone]', pattern: /\(\d{2,5}\)[ ./-]{0,2}\d{2,5}(?:[ ./-]?\d{2,5}){1,3}(?!\d)/g },
  { placeholder: '[phone]', pattern: /(?<![\d.])(?:1[ .-])?[2-9]\d{2}([ .-])\d{3}\1\d{4}(?![\d.])/g },
  {
    placeholder: '[phone]',
    pattern: /(?<![\w.:-])0\d{1,5}(?:[ ./-]{1,3}\d{2,8}){1,5}(?!\w)/g,
    isMeant: (found) => countDigits(found) >= 9 && countDigits(found) <= 15,
  },
  {
    placeholder: '[number]',
    pattern: /(?<![\da-f])\d{9,}(?![\da-f]{3})/gi,
    isMeant: (found) => !isCalendarTime(found),
  },
  { placeholder: '[base64]', pattern: /[A-Za-z0-9+/_-]{16,}={0,2}/g, isMeant: isRandomText },
];

/**
 * The value, with what must not be stored replaced by placeholders. The value itself comes back when there is nothing
 * to replace; sanitising twice changes nothing more.
 */
export function sanitise(value: string): string {
  if (isPlain(value)) return value;
  if (value.length > MAX_VALUE_LENGTH) return '[long]';
  const folded = foldDigits(value);
  let text = folded;
  for (const { placeholder, pattern, isMeant } of RULES)
    text = text.replace(pattern, (found: string) => (isMeant === undefined || isMeant(found) ? placeholder : found));
  return text === folded ? value : text;
}

/** Whether no rule can find anything: one pass without a regular expression, which nearly every value ends with. */
function isPlain(value: string): boolean {
  if (value.length > MAX_VALUE_LENGTH) return false;
  let digits = 0;
  let run = 0;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    const isDigit = code >= 48 && code <= 57;
    if (isDigit) digits++;
    if (isDigit || (code >= 97 && code <= 122) || (code >= 65 && code <= 90)) run++;
    else if (code === 0x40 || code === 0x25 || code === 0x20 || code === 0x3a || code === 0x3d || code > 0x7e)
      return false;
    else if (code !== 0x2b && code !== 0x2f && code !== 0x2d) run = 0;
    if (digits >= FEWEST_DIGITS || run >= SHORTEST_RUN) return false;
  }
  return true;
}

/** Digits of other scripts and full-width forms as ASCII. */
function foldDigits(value: string): string {
  let isAscii = true;
  for (let i = 0; i < value.length && isAscii; i++) isAscii = value.charCodeAt(i) < 0x80;
  if (isAscii) return value;
  return value.normalize('NFKC').replace(/\p{Nd}/gu, (digit) => String(digitValue(digit)));
}

/** Decimal digits stand ten in a row, from 0, in every script. */
function digitValue(digit: string): number {
  const code = digit.codePointAt(0) as number;
  let zero = code;
  while (code - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--;
  return code - zero;
}

function hasDigit(text: string): boolean {
  return /\d/.test(text);
}

function countDigits(text: string): number {
  return text.replace(/\D/g, '').length;
}

/** Whether an IBAN stands at the beginning: words behind it look like more of its groups. */
function beginsWithIban(found: string): boolean {
  let text = '';
  for (const group of found.toUpperCase().split(/[ -]/)) {
    text += group;
    if (text.length >= 15 && text.length <= 34 && hasCheckDigits(text)) return true;
  }
  return false;
}

/** ISO 13616: country and check digits moved to the end, letters as numbers, modulo 97 is 1. */
function hasCheckDigits(iban: string): boolean {
  let rest = 0;
  for (const char of iban.slice(4) + iban.slice(0, 4)) {
    const digits = Number.parseInt(char, 36);
    rest = (rest * (digits > 9 ? 100 : 10) + digits) % 97;
  }
  return rest === 1;
}

/** Whether some of the groups of digits, one after the other, are a card number: others may stand before and behind. */
function holdsCardNumber(found: string): boolean {
  const groups = found.split(/\D/);
  for (let first = 0; first < groups.length; first++) {
    let digits = '';
    for (let last = first; last < groups.length && digits.length < 19; last++) {
      digits += groups[last];
      if (digits.length >= 13 && digits.length <= 19 && hasCheckDigit(digits) && !isCalendarTime(digits)) return true;
    }
  }
  return false;
}

/** ISO/IEC 7812: the Luhn check digit. */
function hasCheckDigit(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    sum += i % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2;
  }
  return sum % 10 === 0;
}

/** Whether the digits are a date with a time to the minute or second, as builds and versions carry them. */
function isCalendarTime(digits: string): boolean {
  return /^20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?$/.test(digits);
}

/**
 * Whether a run of letters and digits is a secret rather than words. Words, in whatever case they are joined, change
 * between capitals, small letters and digits once in five characters or less often; base64 and its like do so at about
 * every second one. Measured on random bytes the bounds miss one run in 40 of 24 characters and one in 100 of 32.
 */
function isRandomText(found: string): boolean {
  if (found.endsWith('=') && found.length % 4 === 0) return true;
  const chunks = found.match(/[A-Za-z0-9]+/g) ?? [];
  if (!chunks.some((chunk) => chunk.length >= SHORTEST_CHUNK)) return false;
  if (chunks.every((chunk) => CAPITALISED_WORDS.test(chunk))) return false;
  const words = found.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+/g) ?? [];
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const changes = (words.length - chunks.length) / length;
  if (!hasDigit(found)) return changes > 0.42;
  return changes > (length >= 30 ? 0.3 : 0.33);
}
