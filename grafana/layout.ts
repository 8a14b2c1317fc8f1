/** Where panels stand: in sections under a heading each, from left to right, and below when a line is full. */
import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';

export const GRID_COLUMNS = 24;

export interface PanelBuilder extends cog.Builder<dashboard.Panel> {
  id(id: number): unknown;
  gridPos(position: dashboard.GridPos): unknown;
}

/** A panel without its place. */
export interface PanelDraft {
  /** Columns of the grid, at most 24. */
  readonly width: number;
  /** Rows of the grid. */
  readonly height: number;
  readonly builder: PanelBuilder;
}

export interface Section {
  readonly title: string;
  readonly panels: readonly PanelDraft[];
}

export interface Placed {
  readonly id: number;
  readonly position: dashboard.GridPos;
  /** Absent where it is a section's heading. */
  readonly panel?: PanelDraft;
  readonly heading?: string;
}

/**
 * Gives every heading and panel its number, from 1, and its place.
 * @throws RangeError when a panel is wider than the grid
 */
export function place(sections: readonly Section[]): readonly Placed[] {
  const placed: Placed[] = [];
  let y = 0;
  for (const { title, panels } of sections) {
    placed.push({ id: placed.length + 1, position: { x: 0, y, w: GRID_COLUMNS, h: 1 }, heading: title });
    y++;
    let [x, lineHeight] = [0, 0];
    for (const panel of panels) {
      const { width: w, height: h } = panel;
      if (w > GRID_COLUMNS) throw new RangeError(`a panel of section ${title} is wider than ${GRID_COLUMNS} columns`);
      if (x + w > GRID_COLUMNS) [x, y, lineHeight] = [0, y + lineHeight, 0];
      placed.push({ id: placed.length + 1, position: { x, y, w, h }, panel });
      x += w;
      lineHeight = Math.max(lineHeight, h);
    }
    y += lineHeight;
  }
  return placed;
}
