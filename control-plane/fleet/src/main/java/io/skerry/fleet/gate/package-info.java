/**
 * Gates: what the evidence of a stage says, always as a verdict with its numbers and its reason.
 *
 * <p>A gate never counts silence as success: without data its verdict is {@link Verdict#NO_DATA}.
 * Start at {@link GateSettings}: metrics are compared with concurrent controls by {@code
 * SequentialGate}.
 */
@NullMarked
package io.skerry.fleet.gate;

import org.jspecify.annotations.NullMarked;
