/**
 * The net below all libraries: Node tells of every HTTP/1 request and its answer, whatever refused it. It also makes the
 * request known to whatever code runs for it.
 */
import diagnostics_channel from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isOfMonitoring } from '@vigil/semconv';
import { judgeOrigin } from './origin.ts';
import { type Incoming, knownStateOf, requests } from './request.ts';
import { recordBlock, surfaceOf, tellBlocked, type Watch } from './watch.ts';

interface StartMessage {
  readonly request: IncomingMessage;
}

interface FinishMessage {
  readonly request: Incoming;
  readonly response: ServerResponse;
}

const TOO_MANY_REQUESTS = 429;

/** @returns ends the subscriptions */
export function subscribeToHttp(watch: Watch): () => void {
  const onStart = (message: unknown): void => {
    const { request } = message as StartMessage;
    // Node remembers an address that was asked for; of a socket that is gone it cannot be asked any more.
    void request.socket.remoteAddress;
    requests.enterWith(request);
  };
  const onFinish = (message: unknown): void => {
    try {
      judgeAnswer(watch, message as FinishMessage);
    } catch (error) {
      watch.diag.error('an answer was not judged', error);
    }
  };
  diagnostics_channel.subscribe('http.server.request.start', onStart);
  diagnostics_channel.subscribe('http.server.response.finish', onFinish);
  return () => {
    diagnostics_channel.unsubscribe('http.server.request.start', onStart);
    diagnostics_channel.unsubscribe('http.server.response.finish', onFinish);
  };
}

/** What a library's hook has recorded for this request before is not recorded again. */
function judgeAnswer(watch: Watch, { request, response }: FinishMessage): void {
  // An aggregator in this process refuses its own readers: that is no attack on the application.
  if (isOfMonitoring(request)) return;
  const state = knownStateOf(request);
  if (response.statusCode === TOO_MANY_REQUESTS)
    recordBlock(watch, { category: 'rate_limit', pattern: 'requests', request });
  if (state?.undecided && response.statusCode >= 400 && surfaceOf(watch, request) === 'graphql') tellBlocked(state);
  if (request.headers['origin'] === undefined) return;
  const violation = judgeOrigin(watch.settings, request, response, state);
  if (violation !== undefined) recordBlock(watch, { category: 'origin', ...violation, request });
}
