/**
 * Drift verdicts over a fleet's window counters: which cohort's inputs or outputs have moved, by
 * how much, and with what evidence.
 *
 * <p>The device-window is the unit of evidence, never the single prediction: each device is
 * compared with its own baseline and with its peers of the same window. Start at {@link
 * DriftLedger}. Same windows in the same order give the same verdicts, bit for bit.
 */
@NullMarked
package io.skerry.telemetry.drift;

import org.jspecify.annotations.NullMarked;
