/**
 * Exact counters on bins that travel with the model: what a device counts about its predictions,
 * and how the bins are made from reference data.
 *
 * <p>Start at {@link MonitoringPlan} and {@link WindowSketch}.
 */
@NullMarked
package io.skerry.telemetry.sketch;

import org.jspecify.annotations.NullMarked;
