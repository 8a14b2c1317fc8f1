/**
 * Sessions of the page. A browser shows the key once and then a token that says until when it is good, signed with a
 * secret that follows from the key: nothing has to be kept, a restart ends no session, and a key that is taken out of
 * the configuration takes its sessions along. The key cannot be found from the token.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** A screen on a wall is signed in once a month. */
export const SESSION_SECONDS = 30 * 86_400;
export const SESSION_COOKIE = 'vigil_session';

export interface Sessions {
  /** A token for whoever knows one of the keys; undefined for everybody else is the caller's to find out. */
  open(key: string, nowMs: number): string;
  isGood(token: string, nowMs: number): boolean;
}

/** @param apiKeys the keys that may read */
export function createSessions(apiKeys: readonly string[]): Sessions {
  return {
    open(key, nowMs) {
      const expires = Math.floor(nowMs / 1000) + SESSION_SECONDS;
      return `${expires}.${sign(key, expires).toString('base64url')}`;
    },
    isGood(token, nowMs) {
      const [, digits, signature] = /^(\d{1,12})\.([\w-]{43})$/.exec(token) ?? [];
      const expires = Number(digits);
      if (signature === undefined || expires * 1000 <= nowMs) return false;
      const shown = Buffer.from(signature, 'base64url');
      return apiKeys.reduce((found, key) => timingSafeEqual(sign(key, expires), shown) || found, false);
    },
  };
}

function sign(key: string, expires: number): Buffer {
  return createHmac('sha256', key).update(`vigil session until ${expires}`).digest();
}
