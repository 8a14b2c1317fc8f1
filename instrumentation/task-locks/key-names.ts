/**
 * From a key to the name of its task: few names, and no person or customer in them. Keys themselves never leave the
 * process. What the built-in rules cannot know, rules of the user say.
 */
import { createLimiter } from '@vigil/hooking';
import { OTHER } from '@vigil/semconv';

/** How a library's key is to be read; the first rule that matches decides. */
export interface KeyRule {
  /** Tested against the whole key. */
  readonly match: RegExp;
  /** The task's name: a constant. @default the template of the key */
  readonly task?: string;
  /** Within what the key is unique. @default the scope that a word of the key names, else `global` */
  readonly scope?: string;
  /** lock: held for a while and released; dedup: an idempotency key; ignore: neither. @default 'lock' */
  readonly kind?: KeyKind;
}

export type KeyKind = 'lock' | 'dedup' | 'ignore';

/** What is known of a key. */
export interface KeyName {
  readonly task: string;
  readonly scope: string;
  readonly kind: KeyKind;
}

export interface KeyNamesOptions {
  readonly rules: readonly KeyRule[];
  /** Most names kept apart; later ones are `_OTHER`. */
  readonly maxNames: number;
}

export interface KeyNames {
  nameOf(key: string): KeyName;
  /**
   * For libraries that name their tasks: the name is the library's, without ids, and the scope is what the key tells.
   * Rules are tested against `task:key`.
   */
  nameTask(task: string, key: string): KeyName;
  /** Names of keys that come apart from any key, such as a queue's, within the same bound. */
  limit(name: string): string;
  addRules(rules: readonly KeyRule[]): void;
}

/** Most answers remembered: locks are taken on the same keys again and again. */
const MAX_REMEMBERED = 1000;
/** The aggregator takes values of up to 128 characters; a name is shorter to be read. */
const MAX_NAME_LENGTH = 80;
const MAX_KEY_LENGTH = 512;
/** Most rules that are tried for each new key. */
const MAX_RULES = 100;
const BY_ITSELF = '*';

/** Words that say whose key it is; what follows one of them is somebody's name, however harmless it looks. */
const scopeWords: Readonly<Record<string, string>> = {
  ...words('user', ['user', 'users', 'usr', 'uid', 'userid', 'account', 'accounts', 'member', 'members']),
  ...words('user', ['customer', 'customers', 'person', 'employee', 'email', 'mail', 'login', 'session']),
  ...words('device', ['device', 'devices', 'deviceid', 'client', 'clientid', 'installation', 'ip']),
  ...words('tenant', ['tenant', 'tenants', 'tenantid', 'org', 'orgs', 'organization', 'organisation', 'workspace']),
  ...words('tenant', ['company', 'companies', 'team', 'teams', 'shop', 'merchant', 'site', 'realm']),
};

function words(scope: string, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, scope]));
}

export function createKeyNames(options: KeyNamesOptions): KeyNames {
  const limit = createLimiter(options.maxNames);
  const remembered = new Map<string, KeyName>();
  let rules = options.rules.slice(0, MAX_RULES);
  return {
    limit: (name) => limit(name.slice(0, MAX_NAME_LENGTH)),
    addRules(added) {
      rules = [...new Set([...rules, ...added])].slice(0, MAX_RULES);
      remembered.clear();
    },
    nameTask(task, key) {
      const rule = ruleFor(`${task}:${key}`, rules);
      return {
        task: limit((rule?.task ?? templateOf(task).name).slice(0, MAX_NAME_LENGTH)),
        scope: rule?.scope ?? templateOf(key).scope,
        kind: rule?.kind ?? 'dedup',
      };
    },
    nameOf(key) {
      const known = remembered.get(key);
      if (known !== undefined) return known;
      if (remembered.size >= MAX_REMEMBERED) remembered.clear();
      const name = readKey(key, rules, limit);
      remembered.set(key, name);
      return name;
    },
  };
}

function ruleFor(text: string, rules: readonly KeyRule[]): KeyRule | undefined {
  // `search` pays no attention to the `lastIndex` of a sticky or global pattern.
  return rules.find(({ match }) => text.search(match) !== -1);
}

function readKey(key: string, rules: readonly KeyRule[], limit: (name: string) => string): KeyName {
  const rule = ruleFor(key, rules);
  const template = templateOf(key);
  return {
    task: limit((rule?.task ?? template.name).slice(0, MAX_NAME_LENGTH)),
    scope: rule?.scope ?? template.scope,
    kind: rule?.kind ?? 'lock',
  };
}

/**
 * A key without what is particular to it: `lock:tenant:acme:close-42` becomes `lock:tenant:*:close-*`.
 * Its parts are what stands between `:`, `/`, `|` and braces.
 */
export function templateOf(key: string): { readonly name: string; readonly scope: string } {
  if (key.length > MAX_KEY_LENGTH) return { name: OTHER, scope: 'global' };
  let scope: string | undefined;
  let isSomebody = false;
  const segments = key.split(/([:/|{}]+)/).map((segment, index) => {
    if (index % 2 === 1 || segment === '') return segment.replaceAll(/[{}]/g, '');
    if (isSomebody) {
      isSomebody = false;
      return BY_ITSELF;
    }
    const { word, rest } = firstWord(segment);
    const named = Object.hasOwn(scopeWords, word.toLowerCase()) ? scopeWords[word.toLowerCase()] : undefined;
    if (named === undefined) return withoutIds(segment);
    scope ??= named;
    isSomebody = rest === '';
    return rest === '' ? segment : `${word}${rest[0]}${BY_ITSELF}`;
  });
  return { name: segments.join('') || OTHER, scope: scope ?? 'global' };
}

/** `tenant-acme` begins with a word of scopes as much as `tenant` is one. */
function firstWord(segment: string): { readonly word: string; readonly rest: string } {
  const end = segment.search(/[-_.=#]/);
  return end === -1 ? { word: segment, rest: '' } : { word: segment.slice(0, end), rest: segment.slice(end) };
}

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

function withoutIds(segment: string): string {
  if (UUID.test(segment) || segment.includes('@') || segment.includes('%')) return BY_ITSELF;
  const parts = segment.split(/([-_.=#~+,; ]+)/).map((part, i) => (i % 2 === 0 && isId(part) ? BY_ITSELF : part));
  // `2026-11-25` is one thing, not three.
  return parts.join('').replaceAll(/\*(?:[-_.=#~+,; ]+\*)+/g, BY_ITSELF);
}

/** Numbers, hexadecimal digests, and whatever mixes letters and digits as only machines do; `v2` and `s3` are words. */
function isId(part: string): boolean {
  if (part.length >= 24) return true;
  const digits = part.replaceAll(/\D/g, '').length;
  if (digits === 0) return false;
  return digits === part.length || digits >= 3 || /\d[A-Za-z]/.test(part) || /^[0-9a-f]{8,}$/i.test(part);
}
