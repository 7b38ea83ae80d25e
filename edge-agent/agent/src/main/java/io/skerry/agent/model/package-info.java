/**
 * The models that a device serves: which version answers in which slot, how a version is swapped
 * without failing a prediction, and the prediction itself.
 *
 * <p>Start at {@link ModelSlots} and {@link Predictor}.
 */
@NullMarked
package io.skerry.agent.model;

import org.jspecify.annotations.NullMarked;
