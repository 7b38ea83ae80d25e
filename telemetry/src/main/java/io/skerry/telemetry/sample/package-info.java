/**
 * Which predictions keep their tensors, chosen with a known probability.
 *
 * <p>Start at {@link SampleChoice}.
 */
@NullMarked
package io.skerry.telemetry.sample;

import org.jspecify.annotations.NullMarked;
