// Given to `node --import`, as the README says.
import { createAggregator } from '@vigil/aggregator';
import { start } from '@vigil/otel-config';

export const aggregator = createAggregator();
start(aggregator.sdk);
