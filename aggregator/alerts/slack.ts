/** Slack's incoming webhooks. What takes their format without blocks shows the headline alone. */
import type { Alert } from '../domain/alert.ts';
import { messageOf } from './message.ts';
import type { Status } from './outbox.ts';
import type { Request } from './post.ts';

export interface SlackSettings {
  /** A secret: who knows it can write into the channel. */
  readonly url: string;
  readonly publicUrl: string | undefined;
}

const COLOURS = { page: '#d1242f', ticket: '#bf8700', resolved: '#1a7f37' } as const;
/** Slack takes 3000 characters in a section. */
const MAX_TEXT = 2900;

export function slackRequest(alert: Alert, status: Status, { url, publicUrl }: SlackSettings): Request {
  const { title, description, dashboardUrl, startsAt } = messageOf(alert, status, publicUrl);
  const isPage = alert.labels['severity'] === 'page';
  const word = status === 'resolved' ? 'Resolved' : isPage ? 'Page' : 'Ticket';
  const headline = escaped(`${word}: ${title}`);
  const link = dashboardUrl === undefined ? '' : `\n<${dashboardUrl}|Open the dashboard>`;
  const section = `*${headline}*\n${escaped(description).slice(0, MAX_TEXT - headline.length - link.length)}${link}`;
  const colour = status === 'resolved' ? COLOURS.resolved : isPage ? COLOURS.page : COLOURS.ticket;
  const body = {
    // What notifications of phones show.
    text: headline,
    attachments: [
      {
        color: colour,
        blocks: [
          { type: 'section', text: { type: 'mrkdwn', text: section } },
          { type: 'context', elements: [{ type: 'mrkdwn', text: escaped(`${alert.name}, since ${startsAt}`) }] },
        ],
      },
    ],
  };
  return { url, body: JSON.stringify(body), headers: {} };
}

/** The three characters that Slack's markup is made of; names in alerts came with telemetry. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
