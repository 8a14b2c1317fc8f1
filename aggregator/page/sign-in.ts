import { html } from 'hono/html';
import type { Markup } from './charts.ts';

/** What kept somebody out. */
export type SignInProblem = 'wrong_key' | 'too_many' | 'other_origin';

const PROBLEMS: Readonly<Record<SignInProblem, string>> = {
  wrong_key: 'This key may not read. Keys that only send data do not open the page.',
  too_many: 'Too many wrong keys came from this address. Try again in a minute.',
  other_origin: 'The form was sent from another site. Open this page itself and try again.',
};

/**
 * @param base see `Choice`
 * @param to path where to go afterwards
 */
export function renderSignIn(base: string, to: string, problem: SignInProblem | undefined): Markup {
  return html`<h1>Sign in to Vigil</h1>
  <form method="post" action="${base}/sign-in" class="sign-in">
    <label for="key">Key</label>
    <input id="key" name="key" type="password" autocomplete="current-password" required autofocus
      ${problem === undefined ? '' : html`aria-invalid="true" aria-describedby="problem"`}>
    <input type="hidden" name="to" value="${to}">
    ${problem === undefined ? '' : html`<p id="problem" class="problem" role="alert">${PROBLEMS[problem]}</p>`}
    <button>Sign in</button>
    <p class="hint">The key is the one in <code>MONITORING_API_KEY</code>, or in the file <code>api-key</code> of the data directory.</p>
  </form>`;
}
