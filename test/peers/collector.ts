/**
 * The Collector that otel-config/collector builds, between real applications and a real aggregator: counts are exact, an
 * outage and kill -9 on both sides lose nothing and count nothing twice, and each status does what the contract says.
 * `npm run peers -- collector [SECONDS]`: how long the aggregator is down; 10 without an argument.
 */

import { createChecks } from './collector/checks.ts';
import { checkConfigurations } from './collector/configurations.ts';
import { checkCounts } from './collector/counts.ts';
import { checkOutage } from './collector/outage.ts';
import { buildCollector } from './collector/processes.ts';
import { checkScraping } from './collector/scraping.ts';
import { checkStatuses } from './collector/statuses.ts';

const downSeconds = Number(process.argv[2] ?? 10);
const binary = buildCollector();
const checks = createChecks();
await checkConfigurations(checks, binary);
await checkCounts(checks, binary);
await checkOutage(checks, binary, downSeconds);
await checkScraping(checks, binary);
await checkStatuses(checks, binary);
checks.finish();
