/**
 * Gates: what the evidence of a stage says, always as a verdict with its numbers and its reason.
 *
 * <p>A gate never counts silence as success: without data its verdict is {@link Verdict#NO_DATA}.
 * Start at {@link GateResult} and {@link FeedbackGate}.
 */
@NullMarked
package io.skerry.fleet.gate;

import org.jspecify.annotations.NullMarked;
