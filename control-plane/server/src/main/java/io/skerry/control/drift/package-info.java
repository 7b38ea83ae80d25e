/**
 * Drift: judges the stored windows of the fleet and keeps verdicts and incidents.
 *
 * <p>Decides nothing itself: {@code telemetry.drift} judges, {@code fleet.incident} lives the
 * incident's life. Start at {@link DriftService} and {@link Incidents}.
 */
@NullMarked
package io.skerry.control.drift;

import org.jspecify.annotations.NullMarked;
